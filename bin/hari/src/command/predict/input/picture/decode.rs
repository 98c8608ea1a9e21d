//! Files to pixels.

use std::io::Cursor;

use hari_error::{Error, Result};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Picture;

/// The most pixels of a picture, and the longest side.
const MOST_PIXELS: usize = 1 << 26;
const LONGEST: usize = 1 << 15;

const PNG: &[u8] = b"\x89PNG";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// Reads a file by what it starts with.
pub(super) fn decode(file: &[u8]) -> Result<Picture> {
    let picture = match file {
        file if file.starts_with(PNG) => png(file)?,
        file if file.starts_with(JPEG) => jpeg(file)?,
        _ => {
            return Err(Error::invalid(
                "expected a PNG or JPEG file, found something else",
            ));
        }
    };
    let Picture {
        width,
        height,
        channels,
        ref pixels,
    } = picture;
    if pixels.is_empty() || pixels.len() != width * height * channels {
        return Err(Error::invalid("the picture is empty or cut short"));
    }
    Ok(picture)
}

fn png(file: &[u8]) -> Result<Picture> {
    let bad = |error: png::DecodingError| Error::invalid(format!("not a PNG file: {error}"));
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(bad)?;
    let (width, height) = (info.width as usize, info.height as usize);
    check(width, height)?;
    let mut reader = decoder.read_info().map_err(bad)?;
    let size = reader.output_buffer_size().ok_or_else(too_large)?;
    let mut buffer = vec![0; size];
    let info = reader.next_frame(&mut buffer).map_err(bad)?;
    buffer.truncate(info.buffer_size());
    let (channels, pixels) = match info.color_type {
        png::ColorType::Grayscale => (1, buffer),
        png::ColorType::GrayscaleAlpha => (1, on_white(&buffer, 1)),
        png::ColorType::Rgba => (3, on_white(&buffer, 3)),
        png::ColorType::Rgb | png::ColorType::Indexed => (3, buffer),
    };
    Ok(Picture {
        width,
        height,
        channels,
        pixels,
    })
}

/// Without the last channel, which says how much of the white behind shows.
fn on_white(pixels: &[u8], channels: usize) -> Vec<u8> {
    let seen = |pixel: &[u8]| -> Vec<u8> {
        let Some((&alpha, colours)) = pixel.split_last() else {
            return Vec::new();
        };
        let over = |&colour: &u8| {
            let sum = u32::from(colour) * u32::from(alpha) + 255 * u32::from(255 - alpha);
            u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
        };
        colours.iter().map(over).collect()
    };
    pixels.chunks_exact(channels + 1).flat_map(seen).collect()
}

fn jpeg(file: &[u8]) -> Result<Picture> {
    let bad = |error: zune_jpeg::errors::DecodeErrors| {
        Error::invalid(format!("not a JPEG file that can be read: {error}"))
    };
    let options = DecoderOptions::default()
        .set_max_width(LONGEST)
        .set_max_height(LONGEST);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(bad)?;
    let (width, height) = decoder.dimensions().ok_or_else(too_large)?;
    check(width, height)?;
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (wanted, channels) = if gray {
        (ColorSpace::Luma, 1)
    } else {
        (ColorSpace::RGB, 3)
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(bad)?;
    Ok(Picture {
        width,
        height,
        channels,
        pixels,
    })
}

fn check(width: usize, height: usize) -> Result<()> {
    let fits = width
        .checked_mul(height)
        .is_some_and(|pixels| pixels <= MOST_PIXELS);
    if fits && width <= LONGEST && height <= LONGEST {
        Ok(())
    } else {
        Err(too_large())
    }
}

fn too_large() -> Error {
    Error::too_large(format!(
        "expected a picture of at most {MOST_PIXELS} pixels, {LONGEST} on a side; found a larger one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(colour: png::ColorType, depth: png::BitDepth, width: u32, data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, 1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(data)
            .unwrap();
        file
    }

    #[test]
    fn every_kind_of_png_is_read() {
        use png::{BitDepth, ColorType};
        for (colour, depth, data, channels, pixels) in [
            (
                ColorType::Grayscale,
                BitDepth::Eight,
                &[0, 200][..],
                1,
                &[0, 200][..],
            ),
            (
                ColorType::Grayscale,
                BitDepth::One,
                &[0b0100_0000],
                1,
                &[0, 255],
            ),
            (
                ColorType::Grayscale,
                BitDepth::Sixteen,
                &[0, 9, 200, 9],
                1,
                &[0, 200],
            ),
            (
                ColorType::GrayscaleAlpha,
                BitDepth::Eight,
                &[7, 255, 7, 0],
                1,
                &[7, 255],
            ),
            (
                ColorType::Rgb,
                BitDepth::Eight,
                &[1, 2, 3, 4, 5, 6],
                3,
                &[1, 2, 3, 4, 5, 6],
            ),
            (
                ColorType::Rgba,
                BitDepth::Eight,
                &[1, 2, 3, 255, 0, 0, 0, 0],
                3,
                &[1, 2, 3, 255, 255, 255],
            ),
        ] {
            let picture = decode(&encoded(colour, depth, 2, data)).unwrap();
            assert_eq!(
                (picture.width, picture.height, picture.channels),
                (2, 1, channels)
            );
            assert_eq!(picture.pixels, pixels, "{colour:?} {depth:?}");
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = encoded(png::ColorType::Rgb, png::BitDepth::Eight, 2, &[9; 6]);
        for end in 0..whole.len() - 12 {
            assert!(decode(&whole[..end]).is_err(), "{end}");
        }
        for file in [
            &b"\xff\xd8\xff"[..],
            b"\xff\xd8\xff\xe0\x00\x10JFIF",
            b"GIF89a",
            b"",
        ] {
            assert!(decode(file).is_err());
        }
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_before_it_is_unpacked() {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 1 << 20, 1 << 20);
        encoder.set_color(png::ColorType::Grayscale);
        drop(encoder.write_header().unwrap());
        let error = decode(&file).unwrap_err();
        assert!(error.message().contains("at most"), "{error}");
    }
}
