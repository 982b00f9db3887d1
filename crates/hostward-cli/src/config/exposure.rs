//! An address that other machines can reach.

use hostward_engine::address::Address;

/// What it means to serve there, and what to do instead.
pub(crate) fn open_to_all(address: &Address) -> String {
    format!(
        "other machines can reach {address}, and everyone who reaches it can do everything the engine can, \
         unencrypted; give its [[listen]] certificates with `tls`, or allow this explicitly there with `plain_tcp = \
         true`"
    )
}
