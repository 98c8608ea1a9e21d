//! Whether a program says that it is well, asked over plain HTTP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A health check that takes longer is one that failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether `GET /healthz` is answered with 200.
pub(super) fn is_well(address: Ipv4Addr, port: u16) -> bool {
    status((address, port).into()).is_ok_and(|line| line.contains(" 200 "))
}

/// The first line of the answer.
fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // At once: who answers after the first piece and hangs up resets the connection.
    let request = format!("GET /healthz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answers(answer: &'static str) -> bool {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            let _length = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let well = is_well(Ipv4Addr::LOCALHOST, port);
        server.join().unwrap();
        well
    }

    #[test]
    fn only_200_is_well() {
        assert!(answers("HTTP/1.0 200 OK\r\n\r\nok"));
        assert!(!answers("HTTP/1.0 500 Internal Server Error\r\n\r\n"));
        assert!(!answers(""));
    }
}
