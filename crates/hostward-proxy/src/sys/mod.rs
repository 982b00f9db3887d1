//! System calls that no crate wraps yet, and descriptors that nobody owns yet. The only place of this crate with `unsafe`.
#![expect(
    unsafe_code,
    reason = "rustix has neither SO_PEERPIDFD nor NS_GET_USERNS yet, a descriptor's number says not whose it is, and tokio asks whether it stays open"
)]

pub(crate) mod mounts; // mounts that the engine sees

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// `SO_PEERPIDFD` of Linux 6.5; libc does not name it everywhere.
const SO_PEERPIDFD: libc::c_int = 77;

/// A handle on the process that connected, which stays that process's when its pid is reused; `None` on kernels
/// older than 6.5, which have none.
pub(crate) fn peer_pidfd(socket: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut fd: RawFd = -1;
    let mut len = libc::socklen_t::try_from(size_of::<RawFd>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the length of the call, and the two pointers are to an int and to its
    // size, as the option asks; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PEERPIDFD,
            (&raw mut fd).cast(),
            &raw mut len,
        )
    };
    if result != 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ENOPROTOOPT) { Ok(None) } else { Err(error) };
    }
    if fd < 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: the kernel made this descriptor for us just now (close-on-exec), and nobody else has it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// The user namespace that owns another namespace (`NS_GET_USERNS`, `ioctl_ns(2)`).
///
/// # Errors
/// Where it is none that this process may know of (`EPERM`), or the kernel is older than 4.9.
pub(crate) fn owner_of_namespace(namespace: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open for the length of the call, which takes no further parameter.
    let fd = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), libc::NS_GET_USERNS) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel made this descriptor for us just now (close-on-exec), and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until there is something to read from a descriptor, which for a process's handle is its end.
pub(crate) async fn readable(fd: impl AsFd) -> io::Result<()> {
    // SAFETY: `fd` borrows or owns a descriptor that stays open and the same for as long as this has it.
    let fd = unsafe { AsyncFd::register_with_interest(fd.as_fd(), Interest::READABLE) }?;
    fd.readable().await.map(drop)
}

/// A descriptor of which tokio says when something can be read from it or written to it.
pub(crate) fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: it owns a descriptor, which stays open and the same for as long as this has it.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// How long nothing has come from the other end of a TCP connection (`tcp_info.tcpi_last_data_recv`); since it was made,
/// where nothing has come at all.
pub(crate) fn silence(socket: impl AsFd) -> io::Result<Duration> {
    // Which the kernel fills as far as it knows it.
    // SAFETY: it holds numbers only, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut len = libc::socklen_t::try_from(size_of_val(&info)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the length of the call, and the two pointers are to the structure that the
    // option asks for and to its size; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut len,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::from_millis(info.tcpi_last_data_recv.into()))
}

/// The sockets that this process was started with (`sd_listen_fds(3)`), which programs that it starts do not get, nor the
/// variables that tell of them. Only the first call gives them, and only before there is a second thread.
pub(crate) fn inherited_sockets() -> io::Result<Vec<OwnedFd>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if std::env::var_os("LISTEN_PID").is_none() || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other(
            "they must be taken before there is another thread, which may have opened a descriptor of such a number",
        ));
    }
    // SAFETY: there is no other thread that could read the environment meanwhile.
    let fds = unsafe { sd_notify::listen_fds_and_unset_env() }?;
    // SAFETY: by the protocol these descriptors were opened for this process, which has no other use for them; and
    // nobody has had them before.
    Ok(fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect())
}

/// Has the allocator give memory back to the system as soon as it is free, where it is a large piece; glibc keeps more for later
/// the larger the pieces are that it has seen (mallopt(3), `M_MMAP_THRESHOLD`), and that of each thread for itself
/// (`M_ARENA_MAX`).
pub(crate) fn return_memory_soon() {
    const LARGE: libc::c_int = 128 << 10;
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets numbers of the allocator's own, which it locks for that.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives the system back what memory is free by now, also that which lies between pieces that are not (`malloc_trim(3)`). It
/// takes about a millisecond for each ten megabytes.
pub(crate) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it looks at what is free only, which the allocator locks for that.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Gives the system back the pages of the program itself, of which the start has used many that serving does not: arguments,
/// configuration, the search for an engine. What is used again is mapped again from the page cache, some dozens of times 64 KiB.
pub(crate) fn return_program_pages() {
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, _: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the C library gives a description that is valid for the length of this call, and so are the headers that it
        // points to: those of the running program.
        let (base, headers) = unsafe {
            let info = &*info;
            (info.dlpi_addr, std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()))
        };
        for header in headers {
            if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
                continue;
            }
            let within_page = header.p_vaddr % rustix::param::page_size() as u64;
            let (Ok(at), Ok(len)) = (
                usize::try_from(base + header.p_vaddr - within_page),
                usize::try_from(header.p_memsz + within_page),
            ) else {
                continue;
            };
            // SAFETY: these are whole pages of one segment that the program is mapped by and never writes to (what the loader
            // relocates is in segments that are written to), so they are what the file has, now and when they are mapped again.
            // Where it fails, nothing has happened.
            unsafe {
                libc::madvise(std::ptr::with_exposed_provenance_mut(at), len, libc::MADV_DONTNEED);
            }
        }
        // No others: the first one is the program.
        1
    }
    // SAFETY: the function keeps to what its caller promises it, and needs no data.
    unsafe {
        libc::dl_iterate_phdr(Some(each), std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_of_a_pair_is_alive() {
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        // `None` on an older kernel.
        assert!(peer_pidfd(&near).unwrap().is_none_or(|fd| fd.as_raw_fd() >= 0));
    }

    #[test]
    fn the_program_goes_on_without_the_pages_that_its_start_has_used() {
        let resident = || {
            let all = std::fs::read_to_string("/proc/self/status").unwrap();
            let file = all.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            file.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = resident();
        return_program_pages();
        assert!(resident() < before, "{before} kB before, {} after", resident());
    }

    #[test]
    fn a_connection_that_says_nothing_is_silent_since_it_was_made() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let silence = |socket| silence(socket).unwrap();
        let made = std::time::Instant::now();
        let (server, _) = listener.accept().unwrap();
        while silence(&server) < Duration::from_millis(40) {
            assert!(made.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(silence(&server) <= made.elapsed() + Duration::from_millis(40));
        let before = silence(&server);
        std::io::Write::write_all(&mut client, b"x").unwrap();
        while silence(&server) >= before {
            assert!(made.elapsed() < Duration::from_secs(10));
        }
    }
}
