//! Images, how they are built, and the registries that they come from.

use super::row::{
    CHANGES, Group, Operation, QueryForm, QueryKey, Reach, TAG, all, claim, claims, filters, free,
};
use crate::policy::claim::About;

const IMAGE: &[Option<About>] = &[Some(About::Image)];

/// `/images`
pub(super) const IMAGES: &[Operation] = &[
    Group::Images.get("image.list", "/images/json").query(LIST),
    Group::Images.post("image.pull", "/images/create").query(CREATE).tar().only_with("fromImage"),
    Group::Images.post("image.import", "/images/create").query(CREATE).tar(),
    Group::Images.get("image.search", "/images/search").query(&[
        claim("term", About::Registry, QueryForm::Registry),
        free("limit"),
        filters(&["is-automated", "is-official", "stars"]),
    ]),
    Group::Images
        .post("image.prune", "/images/prune")
        .query(&[filters(&["dangling", "label", "label!", "until"])]),
    Group::Images
        .get("image.save", "/images/get")
        .query(&[claims("names", About::Image, QueryForm::Text), all("platform")]),
    Group::Images
        .post("image.load", "/images/load")
        .query(&[free("quiet"), all("platform")])
        .tar()
        .itself(About::ImageNamed),
    Group::Images.get("image.inspect", "/images/{name**}/json").of(IMAGE).query(&[
        free("manifests"),
        free("platform"),
        free("size"),
    ]),
    Group::Images.get("image.attestations", "/images/{name**}/attestations").of(IMAGE).query(&[
        all("platform"),
        all("type"),
        free("statement"),
    ]),
    Group::Images.get("image.history", "/images/{name**}/history").of(IMAGE).query(&[free("platform")]),
    Group::Images.get("image.save.one", "/images/{name**}/get").of(IMAGE).query(&[all("platform")]),
    Group::Images
        .post("image.push", "/images/{name**}/push")
        .of(&[Some(About::ImagePushed)])
        .query(&[TAG, free("platform")]),
    Group::Images.post("image.tag", "/images/{name**}/tag").of(IMAGE).query(&[
        claim("repo", About::ImageNamed, QueryForm::Image),
        TAG,
        free("force"),
    ]),
    Group::Images.delete("image.remove", "/images/{name**}").of(IMAGE).query(&[
        free("force"),
        free("noprune"),
        all("platforms"),
    ]),
];

/// `/build`
pub(super) const BUILD: &[Operation] = &[
    Group::Build.post("image.build", "/build").query(BUILD_KEYS).context(),
    Group::Build
        .post("build.prune", "/build/prune")
        .query(&[
            free("keep-storage"),
            free("reserved-space"),
            free("max-used-space"),
            free("min-free-space"),
            free("all"),
            filters(&[
                "description",
                "id",
                "inuse",
                "label",
                "label!",
                "parent",
                "parents",
                "private",
                "shared",
                "type",
                "until",
                "unused-for",
            ]),
        ])
        .itself(About::BuildKit),
    Group::Build.post("build.cancel", "/build/cancel").query(&[free("id")]).itself(About::BuildKit),
];

/// `/distribution`
pub(super) const DISTRIBUTION: &[Operation] = &[Group::Distribution
    .get("image.distribution", "/distribution/{name**}/json")
    .of(&[Some(About::Registry)])];

/// `/session`, of `BuildKit`.
pub(super) const SESSION: &[Operation] =
    &[Group::Session.post("buildkit.session", "/session").hijacks().itself(About::BuildKit)];

/// `/grpc`, of `BuildKit`.
pub(super) const GRPC: &[Operation] =
    &[Group::Grpc.post("buildkit.grpc", "/grpc").hijacks().itself(About::BuildKit).reach(Reach::Write)];

const LIST: &[QueryKey] = &[
    free("all"),
    filters(&["before", "dangling", "label", "label!", "reference", "since", "until"]),
    free("shared-size"),
    free("digests"),
    free("manifests"),
    free("identity"),
    // Until API 1.40.
    free("filter"),
    // Sent by docker-py, read by no engine.
    free("only_ids"),
];

/// Both of pulling and importing: engines import where no image is named.
const CREATE: &[QueryKey] = &[
    claim("fromImage", About::ImagePulled, QueryForm::Image),
    claim("fromSrc", About::ImportSource, QueryForm::Text),
    claim("repo", About::ImageNamed, QueryForm::Image),
    TAG,
    free("message"),
    CHANGES,
    free("platform"),
];

const BUILD_KEYS: &[QueryKey] = &[
    // In the context: the classic builder follows no link out of it.
    free("dockerfile"),
    claims("t", About::ImageNamed, QueryForm::Text),
    claims("extrahosts", About::ExtraHost, QueryForm::Text),
    claim("remote", About::BuildRemote, QueryForm::Text),
    free("q"),
    free("nocache"),
    claim("cachefrom", About::Image, QueryForm::Texts),
    free("pull"),
    free("rm"),
    free("forcerm"),
    claim("memory", About::Memory, QueryForm::Number),
    claim("memswap", About::MemorySwap, QueryForm::Number),
    claim("cpushares", About::Resource, QueryForm::Number),
    claim("cpusetcpus", About::Resource, QueryForm::Text),
    claim("cpusetmems", About::Resource, QueryForm::Text),
    claim("cpuperiod", About::Cpus, QueryForm::Number),
    claim("cpuquota", About::Cpus, QueryForm::Number),
    free("buildargs"),
    claim("shmsize", About::SharedMemory, QueryForm::Number),
    free("squash"),
    free("labels"),
    claim("networkmode", About::BuildNetwork, QueryForm::Text),
    free("platform"),
    free("target"),
    claim("outputs", About::BuildKit, QueryForm::Text),
    claim("version", About::BuildKit, QueryForm::Builder),
    claim("cgroupparent", About::CgroupParent, QueryForm::Text),
    claims("securityopt", About::SecurityOption, QueryForm::Text),
    claim("isolation", About::Isolation, QueryForm::Text),
    claim("ulimits", About::Ulimit, QueryForm::Ulimits),
    claim("session", About::BuildKit, QueryForm::Text),
    claim("buildid", About::BuildKit, QueryForm::Text),
];
