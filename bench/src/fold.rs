//! Many measurements become one figure.

/// The value below which this share of a sorted list is; 0 of none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index in a list that fits into memory, and nanoseconds of less than a day"
)]
pub(crate) fn quantile(sorted: &[u64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    sorted[(share * last as f64).round() as usize] as f64
}

/// The median; none of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The median of what `combine` makes of the two measurements of each round in which there are both: what slows the machine down
/// for a while slows both.
pub(crate) fn paired<T>(
    ours: &[Option<T>],
    others: &[Option<T>],
    combine: impl Fn(&T, &T) -> f64,
) -> Option<f64> {
    let rounds = ours.iter().zip(others);
    median(rounds.filter_map(|(ours, others)| Some(combine(ours.as_ref()?, others.as_ref()?))))
}

/// The order of a round: each begins one further, so that none is always behind the same one.
pub(crate) fn rotated<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    let first = if all.is_empty() { 0 } else { round % all.len() };
    all[first..].iter().chain(&all[..first])
}

/// How much longer it takes for `n` times as much, by the last two points, beside what n log n would be.
pub(crate) fn growth(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let [.., (few, before), (many, after)] = points else { return None };
    Some((after / before, n_log_n(*many) / n_log_n(*few)))
}

/// n log n, which is taken to be 1 for 1.
pub(crate) fn n_log_n(n: f64) -> f64 {
    n * n.log2().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_of_what_there_is() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, f64::NAN, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The second round is slow for both; the third has but one.
        let direct = [Some(100.0), Some(10.0), None, Some(80.0)];
        let proxy = [Some(50.0), Some(5.0), Some(1.0), Some(20.0)];
        assert_eq!(paired(&proxy, &direct, |ours, direct| ours / direct), Some(0.5));
        assert_eq!(paired::<f64>(&[None], &[Some(1.0)], |ours, direct| ours / direct), None);
    }

    #[test]
    fn each_round_begins_with_another() {
        let order = |round| rotated(&[1, 2, 3], round).copied().collect::<Vec<_>>();
        assert_eq!([order(0), order(1), order(5)], [[1, 2, 3], [2, 3, 1], [3, 1, 2]].map(Vec::from));
        assert_eq!(rotated::<u8>(&[], 1).count(), 0);
    }

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        let sorted: Vec<u64> = (0..=100).collect();
        let found = |share| quantile(&sorted, share).to_string();
        assert_eq!([found(0.5), found(0.99), found(1.0)], ["50", "99", "100"]);
        assert_eq!(quantile(&[], 0.5).to_string(), "0");
    }

    #[test]
    fn growth_is_held_against_n_log_n() {
        let (grown, bound) = growth(&[(1.0, 9.0), (10.0, 10.0), (100.0, 90.0)]).unwrap();
        assert_eq!((grown, bound.round()), (9.0, 20.0));
        assert_eq!(growth(&[(1.0, 1.0)]), None);
        assert_eq!(n_log_n(1.0).to_string(), "1");
    }
}
