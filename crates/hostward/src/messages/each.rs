/// The messages of an enum below its name: each sample behind its variant's name. The match keeps a variant without a sample
/// from compiling.
macro_rules! messages {
    ($kind:ident, $show:expr, { $($variant:ident: [$($sample:expr),+ $(,)?]),+ $(,)? }) => {{
        let name = |sample: &$kind| match sample {
            $($kind::$variant { .. } => stringify!($variant),)+
        };
        let show = $show;
        let mut text = format!("# {}\n", stringify!($kind));
        $(for sample in [$($sample),+] {
            assert_eq!(name(&sample), stringify!($variant));
            text += &format!("{}: {}\n", stringify!($variant), show(&sample));
        })+
        text
    }};
}
