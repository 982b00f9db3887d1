//! Requests whose body is read whole before anything is done: it is judged, or its paths are explained.
//!
//! Both look at the caller's files on a thread of their own, for the caller's share. Whoever waits for that and goes takes it along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hostward::api::endpoint::Endpoint;
use hostward_engine::address::Address;

use crate::about;
use crate::body::{Archived, BodyReader, WholeBody};
use crate::caller::Caller;
use crate::claim::RequestLine;
use crate::identify::Identify;
use crate::judge::judge;
use crate::limits::Limits;
use crate::metrics::METRICS;
use crate::pool::Tenant;
use crate::pools::Pools;
use crate::refuse::Refused;
use crate::relay::{Cut, Side};
use crate::request::{Manner, Request};
use crate::route::ToJudge;
use crate::write::WrittenRequest;

/// What it takes, of a connection and of what all connections share.
pub(crate) struct Taking<'a> {
    pub(crate) client: &'a mut Side,
    pub(crate) engine: &'a Address,
    pub(crate) identify: &'a Arc<Identify>,
    pub(crate) pools: &'a Arc<Pools>,
    pub(crate) limits: Limits,
}

/// What came of a request, and how it is to be answered.
type WholeOutcome<T> = Result<(Result<T, Refused>, Manner), Cut>;

impl Taking<'_> {
    /// Judges a request.
    pub(crate) async fn judged(self, mut to_judge: ToJudge) -> WholeOutcome<WrittenRequest> {
        let tenant = to_judge.guest.tenant();
        let Self { client, identify, pools, limits, .. } = self;
        let reader = BodyReader { client, pools, limits: &limits, tenant: tenant.clone() };
        let request = &mut to_judge.request;
        let archived = match to_judge.endpoint {
            Endpoint::PluginCreate => Some(Archived::Plugin),
            _ => to_judge.line.as_ref().is_some_and(RequestLine::has_context).then_some(Archived::Context),
        };
        let body = match archived {
            Some(archived) => reader.spool(request, archived).await?.map(WholeBody::Spooled),
            None => reader.hold(request).await?.map(WholeBody::Held),
        };
        let manner = request.manner();
        let body = match body {
            Ok(body) => body,
            Err(refused) => return Ok((Err(refused), manner)),
        };
        let identify = Arc::clone(identify);
        let begun = Instant::now();
        let longer = match archived {
            Some(Archived::Context) => limits.rewriting(),
            Some(Archived::Plugin) | None => Duration::ZERO,
        };
        let judging = pools
            .lookups
            .look_for(tenant, longer, move |cancel| judge(&identify, &limits, to_judge, body, cancel));
        let judged = tokio::select! {
            judged = judging => Ok((judged.map_err(Refused::from).flatten(), manner)),
            () = client.closed() => Err(Cut),
        };
        METRICS.has_judged(begun.elapsed());
        judged
    }

    /// Explains the paths that a request lists. `tenant` has the connection, and has what that takes where the caller is no guest.
    pub(crate) async fn explained(
        self,
        mut request: Request,
        caller: Caller,
        tenant: Tenant,
    ) -> WholeOutcome<String> {
        let tenant = match &caller {
            Caller::Host => tenant,
            Caller::Guest(guest) => guest.tenant(),
        };
        let Self { client, engine, pools, limits, .. } = self;
        let reader = BodyReader { client, pools, limits: &limits, tenant: tenant.clone() };
        let body = reader.hold(&mut request).await?;
        let manner = request.manner();
        let body = match body {
            Ok(body) => body,
            Err(refused) => return Ok((Err(refused), manner)),
        };
        let asking = caller.clone();
        let looking =
            pools.lookups.look(tenant, move |cancel| about::explained(&asking, &limits, body, cancel));
        let explained = async {
            let (said, _held) = looking.await.map_err(Refused::from).flatten()?;
            let said = about::through(engine, said).await?;
            Ok(about::explanations(&caller, said))
        };
        tokio::select! {
            explained = explained => Ok((explained, manner)),
            () = client.closed() => Err(Cut),
        }
    }
}
