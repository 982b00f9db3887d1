//! Step 3, under a profile: the archive that an image is built from. What is in it is judged, and the engine gets it written anew
//! (`hostward/src/api/context.rs`).
//!
//! Threat model: it may be small and unpack to more than any disk has, take hours to unpack, or be of a client that has gone. So each
//! byte is counted as it is unpacked, where others are counted as well.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use flate2::bufread::MultiGzDecoder;
use hostward::api::claims::{self, ClaimError};
use hostward::api::context::{BuildContextError, DockerfileName, Packing, rewrite};
use hostward::policy::claim::Claim;

use crate::limits::{Bytes, Limits};
use crate::lookups::Cancel;
use crate::pool::Lease;
use crate::refuse::Refused;
use crate::spooled::Spooled;

/// So much is written and read at a time.
const PIECE: usize = 1 << 20;

/// Why an archive does not go on.
#[derive(Debug)]
pub(crate) enum Unjudged {
    /// It cannot be judged, which is for the profile to decide about.
    Claim(ClaimError),
    /// There is no room or no time for it.
    Refused(Refused),
}

/// Reads an archive, adds to the claims what its Dockerfile asks for, and gives the archive written anew, with its length.
///
/// # Errors
/// What cannot be judged, and what there is no room for.
pub(crate) fn read(
    spooled: &mut Spooled,
    target: &[u8],
    limits: &Limits,
    cancel: &Cancel,
    claims: &mut Vec<Claim>,
) -> Result<(File, u64), Unjudged> {
    let wanted = DockerfileName::of(target)?;
    let Spooled { file, lease, .. } = spooled;
    let source = unpacked(file)?;
    let kept = tempfile::tempfile().map_err(|error| Refused::full_disk(&std::env::temp_dir(), &error))?;
    let watch = RewriteWatch { most: limits.context_bytes, cancel, refused: RefCell::default() };
    let from = CountedBytes { inner: source, count: 0, watch: &watch };
    let mut to = BufWriter::with_capacity(
        PIECE,
        KeptArchive { counted: CountedBytes { inner: kept, count: 0, watch: &watch }, lease },
    );
    let rewritten = rewrite(from, &mut to, &wanted, limits.context_files);
    if let Some(refused) = watch.refused.take() {
        // What is gathered in memory is not to be written any more.
        drop(to.into_parts());
        return Err(refused.into());
    }
    let text = match rewritten {
        Ok(text) => text,
        Err(BuildContextError::Kept(error)) => {
            return Err(Refused::full_disk(&std::env::temp_dir(), &error).into());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(text) = text {
        claims::add_dockerfile(claims, &text, target)?;
    }
    let KeptArchive { counted: CountedBytes { inner: file, count, .. }, .. } = to.into_parts().0;
    Ok((file, count))
}

/// An archive without its compression.
fn unpacked(file: &mut File) -> Result<Box<dyn Read + '_>, Unjudged> {
    let lost = |error| Unjudged::Refused(Refused::lost_archive(&error));
    let mut beginning = Vec::new();
    file.rewind().map_err(lost)?;
    Read::by_ref(file).take(6).read_to_end(&mut beginning).map_err(lost)?;
    file.rewind().map_err(lost)?;
    let file = BufReader::with_capacity(PIECE, &*file);
    Ok(match Packing::of(&beginning)? {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
    })
}

/// What ends it before its end.
struct RewriteWatch<'a> {
    /// So many bytes can be unpacked, and so many written.
    most: u64,
    cancel: &'a Cancel,
    /// Why it has ended.
    refused: RefCell<Option<Refused>>,
}

impl RewriteWatch<'_> {
    /// Has it end.
    fn stop(&self, refused: Refused) -> io::Error {
        self.refused.replace(Some(refused));
        io::ErrorKind::Other.into()
    }
}

/// Something of which each byte is counted.
struct CountedBytes<'a, T> {
    inner: T,
    count: u64,
    watch: &'a RewriteWatch<'a>,
}

impl<T> CountedBytes<'_, T> {
    fn add(&mut self, bytes: usize) -> io::Result<()> {
        self.count += bytes as u64;
        if self.watch.cancel.is_cancelled() {
            return Err(self.watch.stop(Refused::nobody_waits("the client has gone, or its time is over")));
        }
        // A name that is written in full takes a few bytes more.
        if self.count > self.watch.most.saturating_add(self.watch.most / 4) {
            return Err(self.watch.stop(Refused::long_context(Bytes(self.watch.most))));
        }
        Ok(())
    }
}

impl<T: Read> Read for CountedBytes<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.add(read)?;
        Ok(read)
    }
}

/// The archive that is written.
struct KeptArchive<'a> {
    counted: CountedBytes<'a, File>,
    lease: &'a mut Lease,
}

impl Write for KeptArchive<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.counted.add(bytes.len())?;
        let room = self.lease.grow(bytes.len() as u64);
        room.map_err(|full| self.counted.watch.stop(full.into()))?;
        self.counted.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.counted.inner.flush()
    }
}

impl From<BuildContextError> for Unjudged {
    fn from(error: BuildContextError) -> Self {
        Self::Claim(error.into())
    }
}

impl From<ClaimError> for Unjudged {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

impl From<Refused> for Unjudged {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

#[cfg(test)]
mod tests;
