//! Curves as pictures, with logarithmic axes.

use std::fmt::Write;

use crate::fold::n_log_n;
use crate::growth::Curve;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;
const COLOURS: [&str; 3] = ["#0969da", "#bc4c00", "#1a7f37"];

/// Powers of ten around what is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    first: f64,
    last: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        if !least.is_finite() || least <= 0.0 {
            return Self { first: 0.0, last: 1.0 };
        }
        let (first, end) = (least.log10().floor(), most.log10().ceil());
        Self { first, last: end.max(first + 1.0) }
    }

    /// Where a value is, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        (value.log10() - self.first) / (self.last - self.first)
    }

    fn powers(self) -> impl Iterator<Item = f64> {
        std::iter::successors(Some(self.first), move |power| (*power < self.last).then_some(power + 1.0))
    }
}

/// The picture of a curve.
pub(crate) fn draw(curve: &Curve) -> String {
    let all = || curve.series.iter().flat_map(|series| &series.points);
    let (across, up) = (Axis::around(all().map(|point| point.0)), Axis::around(all().map(|point| point.1)));
    let x = |value: f64| LEFT + across.place(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = Svg::begin(curve.title);
    for power in across.powers() {
        let at = x(10_f64.powf(power));
        svg.grid((at, TOP), (at, HEIGHT - BOTTOM));
        svg.text((at, HEIGHT - BOTTOM + 18.0), "middle", &label(power));
    }
    for power in up.powers() {
        let at = y(10_f64.powf(power));
        svg.grid((LEFT, at), (WIDTH - RIGHT, at));
        svg.text((LEFT - 8.0, at + 4.0), "end", &label(power));
    }
    svg.text((LEFT.midpoint(WIDTH - RIGHT), HEIGHT - 12.0), "middle", curve.of);
    svg.text((LEFT - 8.0, TOP - 12.0), "end", curve.unit);
    let most = curve.series.first().and_then(|series| series.points.last());
    if let Some((n, measured)) = most {
        let points = reference(across, (*n, *measured));
        let inside = points.into_iter().filter(|point| up.place(point.1) >= 0.0);
        svg.line(&inside.map(|(n, t)| (x(n), y(t))).collect::<Vec<_>>(), "#8c959f", true);
    }
    for (number, series) in curve.series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points: Vec<_> = series.points.iter().map(|(n, t)| (x(*n), y(*t))).collect();
        svg.line(&points, colour, false);
        svg.dots(&points, colour);
        svg.key(number, colour, series.name);
    }
    svg.key(curve.series.len(), "#8c959f", "n log n");
    svg.end()
}

/// n log n through this point, over the whole axis up to it.
fn reference(across: Axis, (n, measured): (f64, f64)) -> Vec<(f64, f64)> {
    let steps = 60;
    let from = across.first;
    (0..=steps)
        .map(|step| 10_f64.powf(from + (n.log10() - from) * f64::from(step) / f64::from(steps)))
        .map(|at| (at, measured * n_log_n(at) / n_log_n(n)))
        .collect()
}

/// A power of ten as people write it.
fn label(power: f64) -> String {
    if power < 0.0 {
        format!("{}", 10_f64.powf(power))
    } else {
        grouped(&format!("{:.0}", 10_f64.powf(power)))
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A picture that is being written.
struct Svg(String);

impl Svg {
    fn begin(title: &str) -> Self {
        let mut svg = Self(String::new());
        svg.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#24292f\">"
        ));
        svg.add(format_args!("<title>{}</title>", escaped(title)));
        svg.add(format_args!("<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>"));
        let title = escaped(title);
        svg.add(format_args!(
            "<text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{title}</text>"
        ));
        svg
    }

    fn add(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "{what}");
    }

    fn grid(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#d0d7de\"/>"
        ));
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let text = escaped(text);
        self.add(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    fn line(&mut self, points: &[(f64, f64)], colour: &str, is_dashed: bool) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let (points, dashes) = (points.join(" "), if is_dashed { " stroke-dasharray=\"5 4\"" } else { "" });
        self.add(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>"
        ));
    }

    fn dots(&mut self, points: &[(f64, f64)], colour: &str) {
        for (x, y) in points {
            self.add(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"));
        }
    }

    fn key(&mut self, number: usize, colour: &str, name: &str) {
        let x = [WIDTH - 470.0, WIDTH - 290.0, WIDTH - 110.0][number % 3];
        self.add(format_args!("<rect x=\"{x}\" y=\"36\" width=\"14\" height=\"4\" fill=\"{colour}\"/>"));
        self.text((x + 20.0, 42.0), "start", name);
    }

    fn end(mut self) -> String {
        self.add(format_args!("</svg>"));
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::Series;

    #[test]
    fn an_axis_has_the_powers_of_ten_around_its_values() {
        let axis = Axis::around([3.0, 250.0].into_iter());
        assert_eq!(axis, Axis { first: 0.0, last: 3.0 });
        assert_eq!(axis.powers().collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0]);
        assert!((axis.place(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(Axis::around([100.0].into_iter()), Axis { first: 2.0, last: 3.0 });
        assert_eq!(Axis::around(std::iter::empty()), Axis { first: 0.0, last: 1.0 });
    }

    #[test]
    fn the_line_for_comparison_grows_as_n_log_n_to_the_last_point() {
        let line = reference(Axis { first: 0.0, last: 2.0 }, (100.0, 664.4));
        let (n, t) = line[line.len() - 1];
        assert!((n - 100.0).abs() < 1e-6 && (t - 664.4).abs() < 1e-6);
        assert!((line[0].1 - 1.0).abs() < 0.01, "{:?}", line[0]);
    }

    #[test]
    fn a_picture_has_its_points_and_escapes_its_words() {
        let points = vec![(1.0, 10.0), (10.0, 20.0), (100.0, 300.0)];
        let series = vec![Series { name: "a<b", points }];
        let svg = draw(&Curve { name: "x", title: "T & U", of: "n", unit: "µs", series });
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!((svg.matches("<circle").count(), svg.matches("<polyline").count()), (3, 2));
        assert!(svg.contains("T &amp; U") && svg.contains("a&lt;b") && !svg.contains("NaN"));
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(["1", "1000", "1234567"].map(grouped), ["1", "1,000", "1,234,567"].map(str::to_owned));
        assert_eq!([label(-1.0), label(4.0)], ["0.1", "10,000"]);
    }
}
