//! `GET /_hostward`: what Hostward says of itself and of whoever asks. No engine has such an endpoint, so a client can
//! tell by it that Hostward stands before the engine, and whom it is taken for.

use hostward_engine::about::{About, Asker, VERSION};

use crate::caller::{Caller, Who};
use crate::refuse;

/// The answer's bytes. `close` says that the connection ends with it; `head_only`, that it answers a HEAD.
pub(crate) fn answer(caller: &Caller, close: bool, head_only: bool) -> Vec<u8> {
    let asker = match caller {
        Caller::Host => Asker::Host,
        Caller::Guest(guest) => match &guest.who {
            Who::Container(container) => {
                Asker::Container { name: container.name.clone(), id: container.id.to_string() }
            }
            Who::Apart { .. } => Asker::Host,
            Who::Unknown { why, .. } => Asker::Unknown { why: why.clone() },
        },
    };
    let about = About { version: VERSION.to_owned(), caller: asker };
    refuse::answer(200, about.to_json(), close, head_only)
}
