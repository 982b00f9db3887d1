//! How values are written in the file.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use hostward::explicit::Map;
use hostward::word::UnknownWord;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_proxy::Unit;
use toml::de::DeValue;

use crate::config::accounts::Accounts;
use crate::config::audit_place::{AuditAlso, AuditPlace};
use crate::config::document::Unread;
use crate::config::state;
use crate::log::{Filter, Format};

pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Unread> {
    value.as_str().ok_or(Unread::Kind)
}

pub(super) fn yes_or_no(value: &DeValue<'_>) -> Result<bool, Unread> {
    value.as_bool().ok_or(Unread::Kind)
}

/// A whole number of at least 0.
pub(super) fn number(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

pub(super) fn seconds(value: &DeValue<'_>) -> Result<u64, Unread> {
    let most = Unit::Seconds.most();
    match number(value).ok_or(Unread::Kind)? {
        seconds if seconds > most => {
            Err(Unread::value(format_args!("{seconds} seconds are more than {most}, a year")))
        }
        seconds => Ok(seconds),
    }
}

pub(super) fn address(value: &DeValue<'_>) -> Result<Address, Unread> {
    Address::parse(text(value)?).map_err(Unread::value)
}

pub(super) fn map(value: &DeValue<'_>) -> Result<Map, Unread> {
    Map::parse(text(value)?.as_bytes()).map_err(Unread::value)
}

pub(super) fn selector(value: &DeValue<'_>) -> Result<Selector, Unread> {
    Selector::parse(text(value)?).map_err(Unread::value)
}

pub(super) fn filter(value: &DeValue<'_>) -> Result<Filter, Unread> {
    Filter::parse(text(value)?).map_err(Unread::Value)
}

pub(super) fn format(value: &DeValue<'_>) -> Result<Format, Unread> {
    Format::from_str(text(value)?, false).map_err(|_| Unread::Kind)
}

pub(super) fn audit_place(value: &DeValue<'_>) -> Result<AuditPlace, Unread> {
    AuditPlace::parse(text(value)?.as_ref()).map_err(Unread::Value)
}

pub(super) fn audit_also(value: &DeValue<'_>) -> Result<AuditAlso, Unread> {
    let text = text(value)?;
    let also = AuditAlso::from_str(text, false);
    also.map_err(|_| {
        Unread::value(format_args!("unknown value {text:?} (expected \"unchanged\" or \"host\")"))
    })
}

/// A setting of one word.
pub(super) fn word<T: FromStr<Err = UnknownWord>>(value: &DeValue<'_>) -> Result<T, Unread> {
    text(value)?.parse().map_err(Unread::value)
}

/// A directory by its whole path.
pub(super) fn directory(value: &DeValue<'_>) -> Result<PathBuf, Unread> {
    state::checked(text(value)?.into()).map_err(Unread::Value)
}

/// A file by its whole path: the service's working directory is another than that of whoever writes the file.
pub(super) fn file(value: &DeValue<'_>) -> Result<PathBuf, Unread> {
    let text = text(value)?;
    let path = PathBuf::from(text);
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Unread::value(format_args!("{text:?} is not an absolute path")))
}

/// A user or group by name or number.
pub(super) fn account(value: &DeValue<'_>, accounts: Accounts) -> Result<u32, Unread> {
    match value.as_str() {
        Some(name) => accounts.id(name).map_err(Unread::Value),
        None => number(value).and_then(|id| u32::try_from(id).ok()).ok_or(Unread::Kind),
    }
}

/// In octal digits, as `chmod` takes it. A number is refused: TOML would read 660 as decimal.
pub(super) fn mode(value: &DeValue<'_>) -> Result<u32, Unread> {
    let digits = text(value)?;
    let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(mode),
        _ => Err(Unread::Kind),
    }
}
