//! A body that is judged: all of it, before the engine sees the first byte.
//!
//! Threat model: it may have no end, come a byte an hour, or be one of a thousand. What is held of it is counted as it comes, for
//! the caller and in all; an archive is held on disk.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use hostward_engine::http1::{Framing, FramingError};
use tokio::time::{Instant, timeout_at};

use crate::limits::{Bytes, Limits};
use crate::lookups::LookError;
use crate::pool::{Full, Lease, Tenant, UsedUp};
use crate::pools::Pools;
use crate::refuse::Refused;
use crate::relay::{Cut, Side, wait};
use crate::request::Request;
use crate::spooled::Spooled;

/// Of longer bodies it is not kept how they came: they go on as they are, under another framing.
const WIRE: usize = 64 << 10;
/// So much of an archive is gathered before it is written.
const PIECE: usize = 1 << 20;

/// What an archive is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Archived {
    /// A plugin.
    Plugin,
    /// What an image is built from.
    Context,
}

/// A whole body.
#[derive(Debug)]
pub(crate) enum WholeBody {
    /// In memory.
    Held(HeldBody),
    /// On disk.
    Spooled(Spooled),
}

/// A body in memory.
#[derive(Debug)]
pub(crate) struct HeldBody {
    /// Free of chunks.
    pub(crate) bytes: Vec<u8>,
    /// As it came, where that is not the same and not too long.
    pub(crate) wire: Option<Vec<u8>>,
    pub(crate) is_chunked: bool,
    /// What it takes of what callers share.
    pub(crate) lease: Lease,
}

impl HeldBody {
    /// Drops what has come.
    pub(crate) fn drop_all(&mut self) {
        self.bytes.clear();
        self.wire = None;
        // It goes on as a body of no bytes.
        self.is_chunked = true;
    }
}

/// Reads the body of a request. Where its end has not come, the connection can take no further request.
pub(crate) struct BodyReader<'a> {
    pub(crate) client: &'a mut Side,
    pub(crate) pools: &'a Pools,
    pub(crate) limits: &'a Limits,
    pub(crate) tenant: Tenant,
}

/// How a step of it came out.
type BodyStep<T> = Result<Result<T, Refused>, Cut>;

/// What came of a body.
struct Part {
    /// As it came.
    wire: Vec<u8>,
    /// Free of chunks.
    bytes: Vec<u8>,
}

/// A body that is being read.
struct BodyReading<'a> {
    reader: BodyReader<'a>,
    framing: Framing,
    /// The longest that it may be.
    most: u64,
    started: Instant,
    /// So many bytes have come, and so many were the body's.
    came: u64,
    length: u64,
    /// What came with the head.
    begun: Option<Vec<u8>>,
    expects_continue: bool,
}

impl<'a> BodyReader<'a> {
    /// Into memory.
    pub(crate) async fn hold(self, request: &mut Request) -> BodyStep<HeldBody> {
        let most = self.limits.body_bytes;
        let is_chunked = matches!(request.head.framing, Framing::Chunked(_));
        let mut held = HeldBody {
            bytes: Vec::new(),
            wire: is_chunked.then(Vec::new),
            is_chunked,
            lease: self.pools.held.none(self.tenant.clone()),
        };
        let mut reading = self.reading(request, most);
        loop {
            let Part { wire, bytes } = match reading.next().await? {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(refused) => return Ok(Err(refused)),
            };
            if let Err(full) = held.lease.grow(bytes.len() as u64) {
                return Ok(Err(full.into()));
            }
            held.bytes.extend_from_slice(&bytes);
            held.wire = held.wire.filter(|all| all.len() + wire.len() <= WIRE);
            if let Some(all) = &mut held.wire {
                all.extend_from_slice(&wire);
            }
        }
        request.rest = reading.framing;
        Ok(Ok(held))
    }

    /// Into a file: an archive, which may have so many bytes.
    pub(crate) async fn spool(self, request: &mut Request, archive: Archived) -> BodyStep<Spooled> {
        let most = match archive {
            Archived::Plugin => self.limits.archive_bytes,
            Archived::Context => self.limits.context_bytes,
        };
        let (pools, tenant) = (self.pools, self.tenant.clone());
        let mut lease = pools.spooled.none(tenant.clone());
        let mut reading = self.reading(request, most);
        let (mut file, mut piece) = (None, Vec::new());
        loop {
            match reading.next().await? {
                Ok(Some(Part { bytes, .. })) => {
                    if let Err(full) = lease.grow(bytes.len() as u64) {
                        return Ok(Err(full.into()));
                    }
                    piece.extend_from_slice(&bytes);
                }
                Ok(None) => break,
                Err(refused) => return Ok(Err(refused)),
            }
            if piece.len() >= PIECE {
                match write(pools, tenant.clone(), file.take(), std::mem::take(&mut piece)).await {
                    Ok(written) => file = Some(written),
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        }
        request.rest = reading.framing;
        let length = reading.length;
        Ok(write(pools, tenant, file, piece).await.map(|file| Spooled { file, length, lease }))
    }

    fn reading(self, request: &mut Request, most: u64) -> BodyReading<'a> {
        let most = if self.tenant == Tenant::Strangers { self.limits.stranger_bytes } else { most };
        BodyReading {
            reader: self,
            framing: request.head.framing,
            most,
            started: Instant::now(),
            came: 0,
            length: 0,
            begun: Some(request.take_begun()),
            expects_continue: request.head.expects_continue,
        }
    }
}

impl BodyReading<'_> {
    /// What comes next; none at the end.
    async fn next(&mut self) -> BodyStep<Option<Part>> {
        if matches!(self.framing, Framing::Length(left) if left.saturating_add(self.length) > self.most) {
            return Ok(Err(self.too_long()));
        }
        let wire = match self.begun.take() {
            Some(begun) => begun,
            None if self.framing.is_done() => return Ok(Ok(None)),
            None => match self.wire().await? {
                Ok(wire) => wire,
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let mut bytes = Vec::new();
        let used = match self.framing.decode(&wire, &mut bytes) {
            Ok(step) => step.used,
            Err(error) => return Ok(Err(malformed(error))),
        };
        // What is behind the body is the next request's.
        self.reader.client.put_back(&wire[used..]);
        self.came += used as u64;
        self.length += bytes.len() as u64;
        // Chunks of nothing but sizes have an end as well.
        if self.length > self.most || self.came > self.most.saturating_mul(2) + PIECE as u64 {
            return Ok(Err(self.too_long()));
        }
        let mut wire = wire;
        wire.truncate(used);
        Ok(Ok(Some(Part { wire, bytes })))
    }

    /// What the client sends next, in time.
    async fn wire(&mut self) -> BodyStep<Vec<u8>> {
        let BodyReader { client, limits, .. } = &mut self.reader;
        if self.came == 0 && std::mem::take(&mut self.expects_continue) {
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Cut)?;
            client.flush_all().await.map_err(|_| Cut)?;
        }
        let patience: Duration = limits.body(self.came);
        loop {
            if let Some(wire) = client.take(|bytes| (bytes.len(), bytes.to_vec())) {
                return Ok(Ok(wire));
            }
            if client.ended() {
                return Err(Cut);
            }
            if timeout_at(self.started + patience, wait(client, true, None)).await.is_err() {
                return Ok(Err(Refused::late_body(patience, self.came)));
            }
        }
    }

    fn too_long(&self) -> Refused {
        Refused::long_body(Bytes(self.most))
    }
}

/// Writes where a disk that is slow holds up nobody else.
async fn write(pools: &Pools, tenant: Tenant, file: Option<File>, piece: Vec<u8>) -> Result<File, Refused> {
    let written = pools.lookups.look(tenant, move |_| {
        let mut file = file.map_or_else(tempfile::tempfile, Ok)?;
        file.write_all(&piece)?;
        Ok::<_, io::Error>(file)
    });
    // It is Hostward's own disk that does not answer then, and none of the caller's.
    let written = written.await.map_err(|error| match error {
        LookError::Late(seconds) => Refused::slow_disk(&std::env::temp_dir(), seconds),
        error => error.into(),
    })?;
    written.map_err(|error| Refused::full_disk(&std::env::temp_dir(), &error))
}

fn malformed(error: FramingError) -> Refused {
    Refused::new(400, format!("hostward: {error}"))
}

impl From<Full> for Refused {
    fn from(full: Full) -> Self {
        let Full { name, most, used_up } = full;
        let (status, what) = match used_up {
            UsedUp::All => (503, format!("all callers together have reached the limit `{name}` ({most})")),
            UsedUp::Own => (429, format!("this caller has reached the limit `{name}` ({most})")),
            UsedUp::Fair => {
                (429, format!("this caller has {most} of `{name}`, and other callers need the rest"))
            }
        };
        let message = format!("hostward: {what}; try again when other requests have finished");
        Self::new(status, message).because("limit")
    }
}
