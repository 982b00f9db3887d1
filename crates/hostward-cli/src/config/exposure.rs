//! An address that other machines can reach.

use hostward_engine::address::Address;

/// What it means to serve there, and what to do instead.
pub(crate) fn open_to_all(address: &Address) -> String {
    format!(
        "{address} can be reached from other machines, and whoever reaches it can do all that the engine can, in plain \
         text; give its [[listen]] certificates with `tls`, or say there that you mean it: `plain_tcp = true`"
    )
}
