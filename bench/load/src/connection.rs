//! One connection to the server: a request out, a reply in, never waiting for either.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::reply;
use crate::target::Target;

const READ: usize = 64 << 10;

/// What came of a request.
pub(crate) enum Outcome {
    /// An answer with this status.
    Answered(u16),
    /// The connection broke before the answer was whole.
    Broken,
}

/// A connection, opened when it is first used and again after the server closed it.
pub(crate) struct Connection {
    token: Token,
    stream: Option<TcpStream>,
    /// Since when the request in flight is due.
    due: Option<Instant>,
    /// It has carried a whole reply, so the server may close it at any time.
    used: bool,
    sent: usize,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(token: Token) -> Self {
        Self {
            token,
            stream: None,
            due: None,
            used: false,
            sent: 0,
            received: Vec::with_capacity(READ),
        }
    }

    /// Since when the request in flight is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Begins the request that is due since `due`.
    pub(crate) fn begin(
        &mut self,
        target: &Target,
        registry: &Registry,
        due: Instant,
    ) -> Result<Option<Outcome>> {
        self.due = Some(due);
        self.sent = 0;
        self.received.clear();
        if self.stream.is_none() {
            self.connect(target, registry)?;
        }
        self.drive(target, registry)
    }

    fn connect(&mut self, target: &Target, registry: &Registry) -> Result<()> {
        let mut stream = TcpStream::connect(target.address).context("connecting")?;
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, self.token, both)?;
        self.stream = Some(stream);
        self.used = false;
        Ok(())
    }

    /// Goes on as far as the socket lets it; some outcome when the request is over.
    pub(crate) fn drive(
        &mut self,
        target: &Target,
        registry: &Registry,
    ) -> Result<Option<Outcome>> {
        if self.due.is_none() {
            return Ok(None);
        }
        match self.exchange(target) {
            Ok(None) => Ok(None),
            Ok(Some(reply)) => {
                self.due = None;
                self.used = true;
                if reply.close {
                    self.stream = None;
                }
                Ok(Some(Outcome::Answered(reply.status)))
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(error.into()),
            Err(_) if self.used && self.received.is_empty() => {
                // Closed between two requests: HTTP clients ask again on a new connection.
                let due = self.due.take().context("a request without a start")?;
                self.stream = None;
                self.begin(target, registry, due)
            }
            Err(_) => {
                self.due = None;
                self.stream = None;
                Ok(Some(Outcome::Broken))
            }
        }
    }

    fn exchange(&mut self, target: &Target) -> io::Result<Option<reply::Reply>> {
        let Some(stream) = &mut self.stream else {
            return Err(ErrorKind::NotConnected.into());
        };
        while let Some(rest) = target
            .request
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            match stream.write(rest) {
                Ok(written) => self.sent += written,
                Err(error) if waits(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        loop {
            let start = self.received.len();
            self.received.resize(start + READ, 0);
            let read = stream.read(self.received.get_mut(start..).unwrap_or_default());
            self.received
                .truncate(start + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if waits(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
            let whole = reply::parse(&self.received);
            let whole = whole.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if whole.is_some() {
                return Ok(whole);
            }
        }
    }
}

/// Whether the socket is only not ready; before it is connected, a write says so in its own way.
fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}
