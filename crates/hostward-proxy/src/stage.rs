//! What scripts are played on: a caller, what it shares with others, and an engine that is nowhere.

use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward::explicit::Map;
use hostward::policy::profile::Profile;
use hostward::seal::Key;
use hostward::version::ApiVersion;
use hostward_engine::address::Address;
use hostward_sight::Sight;

use crate::caller::{Guest, Who};
use crate::identify::{Containers, Identify, OwnVantage};
use crate::limits::Limits;
use crate::mandate::Mandate;
use crate::open::Open;
use crate::pools::Pools;
use crate::profiles::{ProfileBook, ProfileChoice};
use crate::publish::{PortBounds, Publisher};
use crate::quota::Quota;
use crate::settings::{Callers, On, Rules};
use crate::shown::Shown;
use crate::standing::ServiceParts;

/// An engine that whoever asks it finds gone.
pub(crate) fn nowhere() -> Address {
    Address::Unix("/nonexistent/engine.sock".into())
}

/// A caller of whom nothing is known but that its /v is /srv to the engine.
pub(crate) fn guest() -> Arc<Guest> {
    let who = Who::Unknown { why: "nobody asked".to_owned(), remote: false };
    let (abilities, key) = (Abilities::of(ApiVersion::new(1, 41)), Arc::new(Key::new([7; Key::LEN])));
    let shown = Arc::new(Shown::new(&Limits::default()));
    let (mandate, profiles) = (Mandate::Free, Arc::default());
    let sight = Sight::of_maps(maps());
    Arc::new(Guest { who, sight, abilities, key, shown, contained: false, mandate, profiles })
}

/// What makes such a caller of everybody.
pub(crate) fn identify(pools: &Pools) -> Identify {
    identify_by(Vec::new(), pools)
}

/// The same, where these profiles are in force.
pub(crate) fn identify_by(profiles: Vec<Profile>, pools: &Pools) -> Identify {
    let rules = Rules { maps: maps(), ..Rules::default() };
    let vantage = OwnVantage::of(&On::Tcp(([127, 0, 0, 1], 1).into()), &[]);
    let key = Arc::new(Key::new([7; Key::LEN]));
    let book = ProfileBook::default();
    book.turn_to(profiles);
    let choice = ProfileChoice { book, socket: "tcp://127.0.0.1:1".to_owned(), quota: Quota::default() };
    Identify::new(Callers::Relayed, rules, choice, Containers::new(nowhere()), vantage, key, pools)
}

/// What callers share, by these limits.
pub(crate) fn pools(limits: &Limits) -> Arc<Pools> {
    Arc::new(Pools::new(limits))
}

/// The parts of a service of which nothing is used.
pub(crate) fn parts() -> ServiceParts {
    let limits = Limits::default();
    ServiceParts {
        connections: Open::default(),
        pools: pools(&limits),
        publisher: Publisher::new(PortBounds::from(&limits)),
        audit: Arc::default(),
    }
}

fn maps() -> Vec<Map> {
    vec![Map::parse(b"/v=/srv").unwrap()]
}
