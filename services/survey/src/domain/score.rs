//! Figures with their 95 % interval: Wilson for shares, the usual margins for NPS and means.

/// The normal quantile of a 95 % interval.
const Z: f64 = 1.96;

/// A share with its Wilson interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// How many have it.
    pub part: i64,
    /// Of how many.
    pub count: i64,
    /// part / count.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// `part` of `count`; all zero when there are none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
    pub fn of(part: i64, count: i64) -> Self {
        if count <= 0 {
            return Self::default();
        }
        let (n, p) = (count as f64, part as f64 / count as f64);
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Self { part, count, value: p, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

/// A Net Promoter Score, in points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nps {
    /// Answers 9 and 10.
    pub promoters: i64,
    /// Answers 7 and 8.
    pub passives: i64,
    /// Answers 0 to 6.
    pub detractors: i64,
    /// -100 to 100.
    pub value: f64,
    /// Half the width of the interval.
    pub margin: f64,
}

impl Nps {
    /// %(9-10) - %(0-6), margin 1.96 * sqrt((p + d - (p - d)^2) / n).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
    pub fn of(promoters: i64, passives: i64, detractors: i64) -> Self {
        let count = promoters + passives + detractors;
        if count <= 0 {
            return Self::default();
        }
        let n = count as f64;
        let (p, d) = (promoters as f64 / n, detractors as f64 / n);
        let margin = Z * ((p + d - (p - d).powi(2)).max(0.0) / n).sqrt();
        Self { promoters, passives, detractors, value: 100.0 * (p - d), margin: 100.0 * margin }
    }

    /// All answers.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.promoters + self.passives + self.detractors
    }
}

/// A mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// How many.
    pub count: i64,
    /// The mean.
    pub value: f64,
    /// Half the width of the interval; 0 below two answers.
    pub margin: f64,
}

impl Mean {
    /// Of `count` numbers with this sum and this sum of squares.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
    pub fn of(count: i64, sum: i64, squares: i64) -> Self {
        if count <= 0 {
            return Self::default();
        }
        let n = count as f64;
        let mean = sum as f64 / n;
        let spread = if count < 2 { 0.0 } else { ((squares as f64 - n * mean * mean) / (n - 1.0)).max(0.0) };
        Self { count, value: mean, margin: Z * (spread / n).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(value: f64, wanted: f64) {
        assert!((value - wanted).abs() < 5e-4, "{value} is not {wanted}");
    }

    #[test]
    fn wilson_as_in_the_books() {
        // 8 of 10: 0.490 to 0.943; 0 of 10: 0 to 0.278; 10 of 10: 0.722 to 1.
        let share = Share::of(8, 10);
        near(share.low, 0.4902);
        near(share.high, 0.9433);
        near(share.value, 0.8);
        near(Share::of(0, 10).low, 0.0);
        near(Share::of(0, 10).high, 0.2775);
        near(Share::of(10, 10).low, 0.7225);
        near(Share::of(10, 10).high, 1.0);
        assert_eq!(Share::of(0, 0), Share::default());
    }

    #[test]
    fn nps_counts_from_zero_to_six_as_detractors() {
        let nps = Nps::of(50, 30, 20);
        near(nps.value, 30.0);
        near(nps.margin, 15.3081);
        near(Nps::of(10, 0, 0).value, 100.0);
        near(Nps::of(10, 0, 0).margin, 0.0);
        assert_eq!(Nps::of(0, 0, 0).value, 0.0);
        near(Nps::of(0, 0, 4).value, -100.0);
    }

    #[test]
    fn means_have_their_margin() {
        // 5, 6, 7: mean 6, deviation 1.
        let mean = Mean::of(3, 18, 110);
        near(mean.value, 6.0);
        near(mean.margin, 1.1316);
        near(Mean::of(1, 4, 16).margin, 0.0);
        assert_eq!(Mean::of(0, 0, 0), Mean::default());
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share_and_narrows(part in 0_i64..500, rest in 0_i64..500) {
            prop_assume!(part + rest > 0);
            let share = Share::of(part, part + rest);
            prop_assert!(0.0 <= share.low && share.low <= share.value + 1e-12);
            prop_assert!(share.value <= share.high + 1e-12 && share.high <= 1.0);
            let wider = Share::of(part * 4, (part + rest) * 4);
            prop_assert!(wider.high - wider.low <= share.high - share.low);
            let nps = Nps::of(part, 0, rest);
            prop_assert!((-100.0..=100.0).contains(&nps.value) && nps.margin >= 0.0);
        }
    }
}
