//! Step 3, under a profile: what is asked for beside paths, and whether the profile allows it.
//!
//! Threat model: the engine must read of a request what was judged. So an operation, a key of the query or a field of the body
//! that is not in the tables is refused, and so is everything that engines may read differently.

use hostward::api::claims::{self, ClaimError};
use hostward::api::operations::{self, BodyKind, Match, TargetError};
use hostward::policy::action::{Action, OPEN};
use hostward::policy::claim::Claim;
use hostward::policy::verdict::Verdict;
use hostward_engine::http1::Framing;

use crate::body::WholeBody;
use crate::caller::Guest;
use crate::context::{self, Unjudged};
use crate::limits::Limits;
use crate::lookups::Cancel;
use crate::mandate::{Under, no_profile};
use crate::refuse::{POLICY, Refused};
use crate::request::Request;

/// What a request asks for beside paths, which is allowed. Only this file makes one.
#[derive(Debug)]
pub(crate) struct ClaimedRequest {
    action: Option<ClaimedAction>,
    /// Why it would be refused if the profile were enforced.
    warned: Option<Refused>,
}

/// An operation, and what it asks for.
#[derive(Debug)]
pub(crate) struct ClaimedAction {
    pub(crate) found: Match,
    pub(crate) claims: Vec<Claim>,
    pub(crate) verdict: Verdict,
}

impl ClaimedAction {
    pub(crate) fn action(&self) -> Action<'_> {
        Action { operation: self.found.operation.name, claims: &self.claims }
    }
}

impl ClaimedRequest {
    /// That of a caller whom no profile binds.
    pub(crate) fn unbound(guest: &Guest) -> Option<Self> {
        guest.mandate.is_free().then_some(Self { action: None, warned: None })
    }

    /// What it asks for, where a profile has a say and it can be read; and why it would be refused.
    pub(crate) fn into_parts(self) -> (Option<ClaimedAction>, Option<Refused>) {
        (self.action, self.warned)
    }
}

/// A request's line, read under a profile.
#[derive(Debug, Clone)]
pub(crate) enum RequestLine {
    /// It asks for this.
    Found(Match),
    /// Nobody can tell what for, and that only the log hears of.
    Unknown(Refused),
}

impl RequestLine {
    /// Whether its body is an archive that an image is built from.
    pub(crate) fn has_context(&self) -> bool {
        matches!(self, Self::Found(found) if matches!(found.operation.body, BodyKind::Context))
    }
}

/// Reads a request's line, for a caller under a profile.
///
/// # Errors
/// One that engines may read differently, or that asks for nothing that is known.
pub(crate) fn line(guest: &Guest, request: &Request) -> Result<RequestLine, Refused> {
    let Some(under) = guest.mandate.profile() else { return Err(no_profile("it has none").into()) };
    match operations::find(request.method(), request.target()) {
        Ok(found) => Ok(RequestLine::Found(found)),
        Err(error) => under.let_pass(error.into()).map(RequestLine::Unknown),
    }
}

/// Whether everybody may ask for it who can connect, and it asks for nothing else besides.
pub(crate) fn is_open(request: &Request) -> bool {
    if has_body(request) || request.head.upgrade {
        return false;
    }
    operations::find(request.method(), request.target()).is_ok_and(|found| {
        OPEN.contains(&found.operation.name)
            && claims::read(&found, request.target(), None::<&[u8]>, None)
                .is_ok_and(|claims| claims.is_empty())
    })
}

/// Whether a request brings a body.
pub(crate) fn has_body(request: &Request) -> bool {
    !matches!(request.head.framing, Framing::None | Framing::Length(0))
}

/// Whether the body has to be read whole before anything is decided: it says something, or nobody reads it.
pub(crate) fn is_read_whole(guest: &Guest, found: &Match, request: &Request) -> bool {
    match found.operation.body {
        // By a profile without rules all of it streams.
        BodyKind::Context => guest.mandate.profile().is_some_and(|under| !under.profile.unrestricted),
        BodyKind::Json(_) => true,
        BodyKind::None => has_body(request),
        BodyKind::Tar | BodyKind::Stream => false,
    }
}

/// A body that has come whole, and what may be taken to look into it.
pub(crate) struct Came<'a> {
    pub(crate) body: &'a mut WholeBody,
    pub(crate) limits: &'a Limits,
    pub(crate) cancel: &'a Cancel,
}

/// Judges what a request asks for whose body streams, or has come whole.
///
/// # Errors
/// What cannot be read as the engine would, and what the profile does not allow.
pub(crate) fn claim(
    guest: &Guest,
    request: &Request,
    line: Option<RequestLine>,
    came: Option<Came<'_>>,
) -> Result<ClaimedRequest, Refused> {
    if let Some(unbound) = ClaimedRequest::unbound(guest) {
        return Ok(unbound);
    }
    let Some(under) = guest.mandate.profile() else { return Err(no_profile("it has none").into()) };
    let found = match line {
        Some(RequestLine::Found(found)) => found,
        Some(RequestLine::Unknown(warned)) => {
            return Ok(ClaimedRequest { action: None, warned: Some(warned) });
        }
        None => return Err(Refused::new(500, "hostward: a request was not read before it was judged")),
    };
    let claims = match asked(under, &found, request, came) {
        Ok(claims) => claims,
        Err(Unjudged::Refused(refused)) => return Err(refused),
        Err(Unjudged::Claim(error)) => {
            let warned = Some(under.let_pass(error.into())?);
            return Ok(ClaimedRequest { action: None, warned });
        }
    };
    let action = Action { operation: found.operation.name, claims: &claims };
    let (verdict, warned) = match under.profile.judge(action) {
        Ok(verdict) => (verdict, None),
        Err(mut denial) => {
            // `docker inspect` asks for one kind of thing after the other, as long as there is none.
            if denial.rule == "operation" && found.operation.name.ends_with(".inspect") {
                denial.status = 404;
            }
            (Verdict::default(), Some(under.let_pass(denial.into())?))
        }
    };
    let verdict = if under.profile.is_enforced() { verdict } else { Verdict::default() };
    Ok(ClaimedRequest { action: Some(ClaimedAction { found, claims, verdict }), warned })
}

/// What a request asks for, by all of it that there is.
fn asked(
    under: &Under,
    found: &Match,
    request: &Request,
    came: Option<Came<'_>>,
) -> Result<Vec<Claim>, Unjudged> {
    let read = |body| claims::read(found, request.target(), request.content_types(), body);
    let Some(Came { body, limits, cancel }) = came else { return Ok(read(None)?) };
    match body {
        WholeBody::Held(held) => {
            if under.profile.is_enforced() && matches!(found.operation.body, BodyKind::None) {
                // No engine reads it; what nobody has judged goes nowhere.
                held.drop_all();
            }
            Ok(read(Some(&held.bytes[..]).filter(|bytes| !bytes.is_empty()))?)
        }
        WholeBody::Spooled(spooled) => {
            let mut claims = read(None)?;
            if matches!(found.operation.body, BodyKind::Context) && spooled.length > 0 {
                let (file, length) = context::read(spooled, request.target(), limits, cancel, &mut claims)?;
                // Where the log alone hears of what is refused, all goes on as it came.
                if under.profile.is_enforced() {
                    (spooled.file, spooled.length) = (file, length);
                }
            }
            Ok(claims)
        }
    }
}

impl From<TargetError> for Refused {
    fn from(error: TargetError) -> Self {
        let refused = Self::new(error.status(), format!("hostward: {error}"));
        Self { rule: Some("operation"), ..refused.because(POLICY) }
    }
}

impl From<ClaimError> for Refused {
    fn from(error: ClaimError) -> Self {
        let refused = Self::new(error.status(), format!("hostward: {error}"));
        Self { rule: Some("request"), ..refused.because(POLICY) }
    }
}
