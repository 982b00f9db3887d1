//! Names of capabilities, in the one spelling of profiles.

/// Those that containers have without being given any: to ask for them asks for nothing.
pub const DEFAULT_CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// A capability's name in capitals and without `CAP_`. Engines take any letter case, some also spaces around it. What has other
/// letters is none.
pub fn capability_name(text: &str) -> Option<String> {
    let name = text.trim_matches([' ', '\t', '\n', '\r']).to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    (!name.is_empty() && name.bytes().all(is_plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_capability_has_one_name() {
        for text in
            ["SYS_ADMIN", "CAP_SYS_ADMIN", "sys_admin", "cap_Sys_Admin", " SYS_ADMIN ", "\tCap_SYS_ADMIN\n"]
        {
            assert_eq!(capability_name(text).as_deref(), Some("SYS_ADMIN"), "{text:?}");
        }
        // Go's folding would make an S of this one.
        for none in
            ["", "CAP_", " ", "SYS ADMIN", "\u{17f}ys_admin", "SYS_ADMIN\0", "SYS-ADMIN", "ALL,SYS_ADMIN"]
        {
            assert_eq!(capability_name(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn spelling_does_not_matter(name in "[A-Z][A-Z_]{0,12}[A-Z]", cases in proptest::collection::vec(any::<bool>(), 20)) {
            prop_assume!(!name.starts_with("CAP_"));
            let spelled: String = format!("CAP_{name}")
                .chars()
                .zip(cases.into_iter().cycle())
                .map(|(c, lower)| if lower { c.to_ascii_lowercase() } else { c })
                .collect();
            prop_assert_eq!(capability_name(&spelled).unwrap(), name.clone());
            prop_assert_eq!(capability_name(&spelled[4..]).unwrap(), name);
        }
    }
}
