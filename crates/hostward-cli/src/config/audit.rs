//! Where decisions are written, and which: `audit` and `audit_also`.

use hostward_proxy::AuditSettings;

use crate::args::AuditArgs;
use crate::config::audit_place::{AuditAlso, AuditPlace};
use crate::config::file::ConfigurationFile;
use crate::log::Format;
use crate::report::Failure;
use crate::variables;

/// What the flags say, the variables, or else the file; where none of them does, decisions go to `usual`.
pub(crate) fn settle(
    args: &AuditArgs,
    file: &ConfigurationFile,
    usual: AuditPlace,
    format: Format,
) -> Result<AuditSettings, Failure> {
    let place = match args.audit.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => AuditPlace::parse(text)
            .map_err(|why| Failure::usage(format_args!("--audit (or {}): {why}", variables::AUDIT)))?,
        None => file.audit.as_ref().map_or(usual, |place| place.get_ref().clone()),
    };
    let also = if args.audit_also.is_empty() { &file.audit_also } else { &args.audit_also };
    let asks = |one| also.contains(&one);
    let (unchanged, host) = (asks(AuditAlso::Unchanged), asks(AuditAlso::Host));
    Ok(AuditSettings { to: place.in_format(format), unchanged, host })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::parse;
    use crate::config::mistake::SourceFile;
    use hostward_proxy::{AuditTo, LineFormat};

    fn settled(flag: Option<&str>, also: &[AuditAlso], file: &str) -> Result<AuditSettings, Failure> {
        let args = AuditArgs { audit: flag.map(Into::into), audit_also: also.to_vec() };
        let source = SourceFile { path: "hostward.toml".into(), text: file.to_owned() };
        let (file, mistakes) = parse(&source);
        assert!(mistakes.is_empty(), "{mistakes}");
        settle(&args, &file, AuditPlace::Log, Format::Json)
    }

    #[test]
    fn decisions_go_where_the_flag_says_or_else_the_file() {
        let file = "audit = '/var/log/a'\naudit_also = ['host']";
        let to = |flag, file| settled(flag, &[], file).unwrap().to;
        assert_eq!(to(None, ""), AuditTo::Log(LineFormat::Json));
        assert_eq!(to(None, file), AuditTo::File("/var/log/a".into()));
        assert_eq!(to(Some(""), file), AuditTo::File("/var/log/a".into()));
        assert_eq!(to(Some("off"), file), AuditTo::Off);
        assert_eq!(to(Some("/b"), file), AuditTo::File("/b".into()));
        let wrong = settled(Some("audit.log"), &[], file).unwrap_err();
        assert!(wrong.message().starts_with("--audit (or HOSTWARD_AUDIT): unknown value \"audit.log\""));
    }

    #[test]
    fn what_else_is_written_is_asked_for() {
        let file = "audit_also = ['host']";
        let also = |settings: AuditSettings| (settings.unchanged, settings.host);
        assert_eq!(also(settled(None, &[], "").unwrap()), (false, false));
        assert_eq!(also(settled(None, &[], file).unwrap()), (false, true));
        assert_eq!(also(settled(None, &[AuditAlso::Unchanged], file).unwrap()), (true, false));
    }
}
