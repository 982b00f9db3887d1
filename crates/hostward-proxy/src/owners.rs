//! Step 4, under a profile: whose the things are that a request reaches by their names.
//!
//! Threat model: a name can pass from one container to another between two looks. So what was found by a name goes on to the
//! engine by its id where the target names it, and nobody is told more of what belongs to others than of what is not there.

use hostward::containment::is_managed;
use hostward::inspect::Container;
use hostward::mount::{Mount, Source};
use hostward::policy::access::MountAccess;
use hostward::policy::claim::{About, Claim};
use hostward::policy::ownership::Ownership;
use hostward::policy::profile::Owned;
use hostward_engine::exec;
use hostward_engine::inspect;
use hostward_engine::list;
use hostward_engine::things::{self, LabelledNetwork, ThingLabels};

use crate::caller::{Guest, Who};
use crate::claim::{ClaimedAction, ClaimedRequest};
use crate::identify::Identify;
use crate::image_names;
use crate::mandate::Under;
use crate::quota::QuotaLease;
use crate::refuse::{POLICY, Refused};

/// A request that reaches only what its caller may reach. Only this file makes one.
#[derive(Debug)]
pub(crate) struct OwnedRequest {
    action: Option<ClaimedAction>,
    warned: Option<Refused>,
    /// The container that the target names, by the id.
    target: Option<String>,
    /// It removes what nobody uses, and may remove what its caller owns alone.
    prunes_own: bool,
    /// Its place among those that its owner may have.
    quota: Option<QuotaLease>,
}

/// What comes of it.
#[derive(Debug, Default)]
pub(crate) struct OwnedParts {
    pub(crate) action: Option<ClaimedAction>,
    pub(crate) warned: Option<Refused>,
    pub(crate) target: Option<String>,
    pub(crate) prunes_own: bool,
    pub(crate) quota: Option<QuotaLease>,
}

impl OwnedRequest {
    pub(crate) fn into_parts(self) -> OwnedParts {
        let Self { action, warned, target, prunes_own, quota } = self;
        OwnedParts { action, warned, target, prunes_own, quota }
    }
}

/// The operations that put a container into a network, and do nothing else to the network.
const JOINS: [&str; 3] = ["container.create", "network.connect", "image.build"];

/// Finds out whose everything is that a request names.
///
/// # Errors
/// What is not the caller's, in the engine's words for what is not there, and where the engine does not tell.
pub(crate) async fn own(
    identify: &Identify,
    guest: &Guest,
    claimed: ClaimedRequest,
) -> Result<OwnedRequest, Refused> {
    let (action, mut warned) = claimed.into_parts();
    let mut owned = OwnedRequest { action: None, warned: None, target: None, prunes_own: false, quota: None };
    if let (Some(claimed), Some(under)) = (&action, guest.mandate.profile())
        && !under.profile.unrestricted
    {
        let reaching = Reaching { identify, guest, under };
        match reaching.all(claimed).await {
            Ok((target, quota)) => {
                (owned.target, owned.quota) = (target, quota);
                owned.prunes_own = reaching.is_limited(claimed.action().operation);
            }
            Err(mut refused) => {
                // Clients take that for an image that is not there, and pull it.
                if refused.status == 404 && claimed.action().makes_container() {
                    refused.status = 400;
                }
                warned = warned.or(Some(under.let_pass(refused)?));
            }
        }
    }
    Ok(OwnedRequest { action, warned, ..owned })
}

/// Who reaches for something.
struct Reaching<'a> {
    identify: &'a Identify,
    guest: &'a Guest,
    under: &'a Under,
}

impl Reaching<'_> {
    async fn all(&self, claimed: &ClaimedAction) -> Result<(Option<String>, Option<QuotaLease>), Refused> {
        let action = claimed.action();
        self.prunes(action.operation)?;
        let mut target = None;
        for (claim, name) in action.claims.iter().filter_map(|claim| Some((claim, claim.container()?))) {
            let id = self.container(name, Some((claim.about, action.operation))).await?;
            if claimed.found.name() == Some(name) {
                target = id;
            }
        }
        for instance in action.about(About::Exec).filter_map(Claim::text) {
            self.exec(instance).await?;
        }
        for claim in action.claims {
            match (claim.about, claim.text()) {
                (About::Volume, Some(name)) => self.volume(name, action.operation).await?,
                (About::ImageNamed, Some(name)) => self.image_name(name).await?,
                (About::Network | About::NetworkMode | About::BuildNetwork, Some(name)) => {
                    self.network(name, action.operation).await?;
                }
                _ => {}
            }
        }
        let quota = if action.makes_container() { self.one_more().await? } else { None };
        Ok((target, quota))
    }

    /// What takes away all that nobody uses takes away what is others'. Of volumes and networks, the engine is told whose.
    fn prunes(&self, operation: &str) -> Result<(), Refused> {
        if !self.is_of_others_too(operation) || self.is_limited(operation) {
            return Ok(());
        }
        let profile = &self.under.profile;
        let message = format!(
            "hostward: {operation} would also remove what belongs to others, which the profile {:?} does not allow; \
             remove what is yours by its name",
            profile.name
        );
        Err(Refused { rule: Some("owner"), ..Refused::new(403, message).because(POLICY) })
    }

    /// Whether an operation removes what is others'.
    fn is_of_others_too(&self, operation: &str) -> bool {
        let profile = &self.under.profile;
        match operation {
            "container.prune" => profile.containers_of != Owned::All,
            "volume.prune" => profile.volumes_of != Owned::All,
            "network.prune" => profile.networks_of != Owned::All,
            "system.prune" => true,
            _ => false,
        }
    }

    /// Whether the engine can be told to remove what the caller owns alone: by a label that all its volumes and networks have. An image
    /// can give any label to a container. How Podman reads several labels depends on its version.
    fn is_limited(&self, operation: &str) -> bool {
        let profile = &self.under.profile;
        let owned = match operation {
            "volume.prune" => profile.volumes_of,
            "network.prune" => profile.networks_of,
            _ => return false,
        };
        owned == Owned::Own && profile.is_enforced() && !self.guest.abilities.is_podman()
    }

    /// A container by the name that the caller has for it, and what it is named for; gives its id, where its owner matters.
    async fn container(
        &self,
        name: &str,
        named_for: Option<(About, &str)>,
    ) -> Result<Option<String>, Refused> {
        let not_there = || Refused::not_there(format!("No such container: {name}"));
        match self.under.profile.containers_of {
            Owned::All => return Ok(None),
            Owned::Nothing => return Err(not_there()),
            Owned::Own => {}
        }
        let found = self.identify.containers().named(name).await.map_err(Refused::not_told)?;
        let container = found.filter(|container| self.has(container)).ok_or_else(not_there)?;
        if let Some((about, operation)) = named_for {
            self.may_do_to(&container, about, operation)?;
        }
        Ok(Some(container.id.to_string()))
    }

    /// The caller's own container was made by somebody else, who has given it its name, its limits and its mounts. By its name
    /// a profile may have been chosen, and of its mounts the profile allows some.
    fn may_do_to(&self, container: &Container, about: About, operation: &str) -> Result<(), Refused> {
        if container.ownership(&self.guest.key).is_some_and(|one| self.is_own(&one)) {
            return Ok(());
        }
        let (what, remedy) = match (about, operation) {
            (About::VolumesFrom, _) => {
                ("the mounts of the calling container itself are", "name the directories that you need (-v)")
            }
            (_, "container.rename" | "container.update") => (
                "the name and the limits of the calling container itself are",
                "have whoever started the container change them",
            ),
            _ => return Ok(()),
        };
        let message = format!(
            "hostward: {what} not the caller's to give or change under the profile {:?}; {remedy}",
            self.under.profile.name
        );
        Err(Refused { rule: Some("owner"), ..Refused::new(403, message).because(POLICY) })
    }

    /// Whether a container is the caller's own, or itself.
    fn has(&self, container: &Container) -> bool {
        let is_itself = matches!(&self.guest.who, Who::Container(own) if own.id == container.id);
        is_itself || container.ownership(&self.guest.key).is_some_and(|one| self.is_own(&one))
    }

    fn is_own(&self, ownership: &Ownership) -> bool {
        ownership.owner == self.under.ownership.owner
    }

    async fn exec(&self, instance: &str) -> Result<(), Refused> {
        let not_there = || Refused::not_there(format!("No such exec instance: {instance}"));
        match self.under.profile.containers_of {
            Owned::All => return Ok(()),
            Owned::Nothing => return Err(not_there()),
            Owned::Own => {}
        }
        let engine = self.identify.containers().engine();
        let container = exec::container_of(engine, instance).await.map_err(Refused::not_told)?;
        match container {
            Some(id) => self.container(id.as_str(), None).await.map(drop).map_err(|_| not_there()),
            None => Err(not_there()),
        }
    }

    /// A volume by its name. One that a new container is to have is made here, so that it has an owner: the engine's create
    /// would make it without.
    async fn volume(&self, name: &str, operation: &str) -> Result<(), Refused> {
        let not_there = || Refused::not_there(format!("get {name}: no such volume"));
        // Hostward's own are directories of callers.
        if is_managed(name) {
            return Err(not_there());
        }
        match self.under.profile.volumes_of {
            Owned::All => return Ok(()),
            Owned::Nothing => return Err(not_there()),
            Owned::Own => {}
        }
        let engine = self.identify.containers().engine();
        let labels = things::labels_of_volume(engine, name).await.map_err(Refused::not_told)?;
        let makes = matches!(operation, "volume.create" | "container.create");
        match labels {
            Some(labels) if self.is_labelled(&labels) => Ok(()),
            Some(_) if operation == "container.create" && self.has_mounted(name) => Ok(()),
            Some(_) if makes => {
                let message = format!(
                    "hostward: the volume name {name} is in use by somebody else, and the profile {:?} allows only the \
                     caller's own volumes; use another name",
                    self.under.profile.name
                );
                Err(Refused { rule: Some("owner"), ..Refused::new(403, message).because(POLICY) })
            }
            None if operation == "container.create" && self.under.profile.is_enforced() => {
                let owner = self.under.ownership.seal(&self.guest.key, Ownership::THING);
                let made = things::make_volume(engine, name, (Ownership::LABEL, &owner)).await;
                made.map_err(Refused::not_told)
            }
            // Of one that is not there an engine says so, or nothing where its removal is forced.
            None if makes || operation == "volume.remove" => Ok(()),
            Some(_) | None => Err(not_there()),
        }
    }

    /// Whether the caller has all of a volume mounted itself, where it may mount it in others as it likes.
    fn has_mounted(&self, name: &str) -> bool {
        let has = |mount: &Mount| match &mount.source {
            Source::Volume(volume) => {
                let access = self.under.profile.may_mount(&mount.destination, false);
                let is_all = volume.name == name && volume.subpath.is_empty() && !mount.read_only;
                is_all && access == Ok(MountAccess::AsAsked)
            }
            _ => false,
        };
        self.guest.sight.view().table().is_some_and(|table| table.iter().any(has))
    }

    /// A name that an image gets. Whoever uses an image by its name would get another one.
    async fn image_name(&self, name: &str) -> Result<(), Refused> {
        if self.under.profile.image_names_of != Owned::Own {
            // The profile has said all about it.
            return Ok(());
        }
        let engine = self.identify.containers().engine();
        let profile = &self.under.profile.name;
        let Some(image) = inspect::image(engine, name).await.map_err(Refused::not_told)? else {
            image_names::note(profile, name);
            return Ok(());
        };
        if self.is_labelled(&image.labels) || image_names::has(profile, name) {
            return Ok(());
        }
        let message = format!(
            "hostward: there is an image {name} that this caller has not built, and the profile {:?} does not allow to \
             put another in its place; use another name",
            self.under.profile.name
        );
        Err(Refused { rule: Some("owner"), ..Refused::new(403, message).because(POLICY) })
    }

    /// A network by the name that the caller has for it. The engine's own are not anybody's, and what a profile says of their
    /// names is all.
    async fn network(&self, name: &str, operation: &str) -> Result<(), Refused> {
        let is_made = operation == "network.create";
        // Whoever is in it has the profile.
        if is_made && self.identify.profiles().go_by_network(name) {
            let message = format!(
                "hostward: the network name {name} stands for a profile, so that no caller may create it; use another name"
            );
            return Err(Refused { rule: Some("owner"), ..Refused::new(403, message).because(POLICY) });
        }
        let is_of_engine = matches!(name, "" | "bridge" | "default" | "none" | "host");
        if is_of_engine || name.starts_with("container:") || self.under.profile.networks_of == Owned::All {
            return Ok(());
        }
        let not_there = || Refused::not_there(format!("network {name} not found"));
        if self.under.profile.networks_of == Owned::Nothing && !is_made {
            return Err(not_there());
        }
        let engine = self.identify.containers().engine();
        let network = things::network(engine, name).await.map_err(Refused::not_told)?;
        match network {
            Some(network) if self.is_labelled(&network.labels) => Ok(()),
            Some(network) if JOINS.contains(&operation) && self.is_in(&network) => Ok(()),
            // Two of one name would be taken for each other.
            Some(_) if is_made => {
                let message = format!("network with name {name} already exists");
                Err(Refused { rule: Some("owner"), ..Refused::new(409, message).because(POLICY) })
            }
            None if is_made => Ok(()),
            Some(_) | None => Err(not_there()),
        }
    }

    /// Whether the caller is in a network itself, so that what it starts reaches nothing new there: by `--network container:` itself, it
    /// would be there as well.
    fn is_in(&self, network: &LabelledNetwork) -> bool {
        matches!(&self.guest.who, Who::Container(own) if network.containers.contains(own.id.as_str()))
    }

    fn is_labelled(&self, labels: &ThingLabels) -> bool {
        let label = labels.get(Ownership::LABEL);
        label.and_then(|label| Ownership::open(label, &self.guest.key)).is_some_and(|one| self.is_own(&one))
    }

    /// A place for one more container of this owner, where the profile has a limit.
    async fn one_more(&self) -> Result<Option<QuotaLease>, Refused> {
        let Some(most) = self.under.profile.containers.and_then(|bound| bound.most) else { return Ok(None) };
        let lease = self.identify.quota().of(&self.under.ownership.owner);
        let engine = self.identify.containers().engine();
        let labelled = list::all_with_label(engine, Ownership::LABEL).await.map_err(Refused::not_told)?;
        let own = labelled.iter().filter_map(|(_, label)| Ownership::open(label, &self.guest.key));
        let count = own.filter(|one| self.is_own(one)).count() as u64;
        if count + lease.others() < u64::try_from(most).unwrap_or_default() {
            return Ok(Some(lease));
        }
        let message = format!(
            "hostward: this caller has {count} containers, and the profile {:?} allows {most} at a time; remove some \
             (docker rm), or raise `containers` of the profile",
            self.under.profile.name
        );
        Err(Refused { rule: Some("containers"), ..Refused::new(403, message).because(POLICY) })
    }
}
