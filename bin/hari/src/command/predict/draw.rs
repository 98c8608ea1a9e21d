//! Pictures and bars out of characters.

use super::input::picture::Picture;

/// The widest drawing of a picture, in characters.
const WIDEST: usize = 56;
/// The length of the longest bar, in characters.
const LONGEST: usize = 30;
/// Parts of a character, by eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Lines of a picture, two rows of pixels in each: in colour, or light and dark alone.
pub(super) fn picture(picture: &Picture, coloured: bool) -> Vec<String> {
    let small = shrunk(picture).colour();
    let line = |top: usize| {
        let cell =
            |x: usize| half_block(pixel(&small, x, top), pixel(&small, x, top + 1), coloured);
        let cells: String = (0..small.width).map(cell).collect();
        if coloured {
            format!("{cells}\u{1b}[0m")
        } else {
            cells
        }
    };
    (0..small.height).step_by(2).map(line).collect()
}

/// Columns that the drawing of a picture takes.
pub(super) fn width(picture: &Picture) -> usize {
    picture.width.min(WIDEST)
}

fn shrunk(picture: &Picture) -> Picture {
    if picture.width <= WIDEST {
        return picture.clone();
    }
    let height = (picture.height * WIDEST).div_ceil(picture.width).max(1);
    picture.resized(WIDEST, height)
}

/// Black below the last row.
fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let at = (y * picture.width + x) * 3;
    match picture.pixels.get(at..at + 3) {
        Some(&[r, g, b]) => [r, g, b],
        _ => [0; 3],
    }
}

fn half_block(top: [u8; 3], bottom: [u8; 3], coloured: bool) -> String {
    if coloured {
        let [[r, g, b], [r2, g2, b2]] = [top, bottom];
        return format!("\u{1b}[38;2;{r};{g};{b};48;2;{r2};{g2};{b2}m▀");
    }
    let light = |rgb: [u8; 3]| rgb.iter().map(|&part| u32::from(part)).sum::<u32>() >= 3 * 96;
    let block = match (light(top), light(bottom)) {
        (true, true) => "█",
        (true, false) => "▀",
        (false, true) => "▄",
        (false, false) => " ",
    };
    block.to_owned()
}

/// A bar for each value with its label and number; the highest is set off.
///
/// Values between 0 and 1 are drawn on that scale, others from the lowest to the highest.
pub(super) fn bars(labels: &[String], values: &[f64], coloured: bool) -> Vec<String> {
    let widest = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    let scale = Scale::of(values);
    let highest = highest(values);
    let line = |(at, (label, &value)): (usize, (&String, &f64))| {
        let bar = scale.bar(value);
        let line = format!("{label:>widest$} {bar:<LONGEST$} {}", number(value));
        set_off(line, Some(at) == highest, coloured)
    };
    labels.iter().zip(values).enumerate().map(line).collect()
}

/// In bold green on a terminal, with a mark elsewhere.
pub(super) fn set_off(line: String, highest: bool, coloured: bool) -> String {
    match (highest, coloured) {
        (true, true) => format!("\u{1b}[1;32m{line}\u{1b}[0m"),
        (true, false) => format!("{line} *"),
        (false, _) => line,
    }
}

/// Where the highest value is; none if there is but one, or none is a number.
pub(super) fn highest(values: &[f64]) -> Option<usize> {
    let numbers = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan());
    let best = numbers.max_by(|(at, a), (other, b)| a.total_cmp(b).then(other.cmp(at)));
    best.map(|(at, _)| at).filter(|_| values.len() > 1)
}

/// A number as it is shown: six places, or an exponent where they would not do.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && size >= 1e7 {
        format!("{value:.6e}")
    } else {
        format!("{value:.6}")
    }
}

struct Scale {
    low: f64,
    span: f64,
}

impl Scale {
    fn of(values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let low = finite().fold(0.0, f64::min);
        let high = finite().fold(low, f64::max);
        if low == 0.0 && high <= 1.0 {
            return Self { low, span: 1.0 };
        }
        Self {
            low,
            span: high - low,
        }
    }

    fn bar(&self, value: f64) -> String {
        let share = ((value - self.low) / self.span).clamp(0.0, 1.0);
        // Not a number draws nothing.
        let eighths = (share * (LONGEST * 8) as f64).round() as usize;
        let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
        format!("{}{rest}", "█".repeat(eighths / 8))
    }
}

/// Two drawings side by side; `width` is that of the left one as it is seen.
pub(super) fn beside(left: &[String], width: usize, right: &[String]) -> Vec<String> {
    let height = left.len().max(right.len());
    // The shorter one on the right is centred.
    let skip = left.len().saturating_sub(right.len()) / 2;
    let blank = " ".repeat(width);
    let line = |at: usize| {
        let right = at
            .checked_sub(skip)
            .and_then(|at| right.get(at))
            .map_or("", String::as_str);
        let line = format!("{}  {right}", left.get(at).unwrap_or(&blank));
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(width: usize, pixels: &[u8]) -> Picture {
        Picture {
            width,
            height: pixels.len() / width,
            channels: 1,
            pixels: pixels.to_vec(),
        }
    }

    #[test]
    fn two_rows_of_pixels_share_a_line() {
        let lines = picture(
            &gray(4, &[255, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0]),
            false,
        );
        assert_eq!(lines, ["█▀▄ ", " ▀  "]);
    }

    #[test]
    fn colours_are_set_and_ended() {
        let lines = picture(&gray(1, &[255, 0]), true);
        assert_eq!(lines, ["\u{1b}[38;2;255;255;255;48;2;0;0;0m▀\u{1b}[0m"]);
    }

    #[test]
    fn a_wide_picture_is_shrunk_and_keeps_its_form() {
        let wide = gray(560, &vec![200; 560 * 280]);
        let lines = picture(&wide, false);
        assert_eq!(
            (lines.len(), lines[0].chars().count(), width(&wide)),
            (14, 56, 56)
        );
    }

    #[test]
    fn probabilities_are_drawn_from_zero_to_one() {
        let labels: Vec<String> = ["a", "bb", "c"].map(str::to_owned).to_vec();
        let lines = bars(&labels, &[0.5, 1.0, 0.0], false);
        assert_eq!(lines[0], format!(" a {:<30} 0.500000", "█".repeat(15)));
        assert_eq!(lines[1], format!("bb {} 1.000000 *", "█".repeat(30)));
        assert_eq!(lines[2], format!(" c {:<30} 0.000000", ""));
    }

    #[test]
    fn other_scores_are_drawn_from_lowest_to_highest() {
        let labels: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let lines = bars(&labels, &[-2.0, 2.0, 0.0, f64::NAN], true);
        let blocks = |line: &String| line.matches('█').count();
        assert_eq!(lines.iter().map(blocks).collect::<Vec<_>>(), [0, 30, 15, 0]);
        assert!(lines[1].starts_with("\u{1b}[1;32m") && !lines[2].contains('\u{1b}'));
    }

    #[test]
    fn the_first_of_the_highest_is_named() {
        assert_eq!(highest(&[0.1, 0.7, 0.7]), Some(1));
        assert_eq!(highest(&[f64::NAN, 0.2]), Some(1));
        assert_eq!((highest(&[1.0]), highest(&[])), (None, None));
    }

    #[test]
    fn drawings_stand_side_by_side() {
        let left: Vec<String> = ["ab", "cd", "ef"].map(str::to_owned).to_vec();
        let lines = beside(&left, 2, &["x".to_owned()]);
        assert_eq!(lines, ["ab", "cd  x", "ef"]);
        let lines = beside(&left[..1], 2, &["x".to_owned(), "y".to_owned()]);
        assert_eq!(lines, ["ab  x", "    y"]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.998_232_4), "0.998232");
        assert_eq!(number(-3.0), "-3.000000");
        assert_eq!(number(123_456_789.0), "1.234568e8");
        assert_eq!(number(f64::NAN), "NaN");
    }
}
