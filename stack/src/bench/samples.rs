//! What several runs gave.

/// The same thing, measured again and again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// In the order they were measured.
    #[must_use]
    pub fn runs(&self) -> &[f64] {
        &self.0
    }

    /// One more.
    pub fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The least.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The most.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// The one in the middle, or half way between the two there.
    #[must_use]
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// The least that so many in a hundred do not exceed.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> f64 {
        let sorted = self.sorted();
        let rank = (sorted.len() * hundredths).div_ceil(100);
        let place = rank.max(1) - 1;
        sorted.get(place).copied().unwrap_or(f64::NAN)
    }

    /// The average, which counts what is rare and dear.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// Run by run what this is of `floor`: they were measured in turn, so that both had the same
    /// machine.
    #[must_use]
    pub fn over(&self, floor: &Self) -> Self {
        self.0.iter().zip(&floor.0).map(|(a, b)| a / b).collect()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

impl From<f64> for Samples {
    fn from(only: f64) -> Self {
        Self(vec![only])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(of: &[f64]) -> Samples {
        of.iter().copied().collect()
    }

    #[test]
    fn the_median_and_the_spread_do_not_depend_on_the_order() {
        let odd = samples(&[9.0, 1.0, 4.0]);
        assert_eq!((odd.least(), odd.median(), odd.most()), (1.0, 4.0, 9.0));
        assert_eq!(samples(&[8.0, 1.0, 4.0, 2.0]).median(), 3.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let hundred: Samples = (1..=100).rev().map(f64::from).collect();
        assert_eq!(hundred.percentile(50), 50.0);
        assert_eq!(hundred.percentile(99), 99.0);
        assert_eq!(hundred.percentile(100), 100.0);
        assert_eq!(samples(&[7.0]).percentile(99), 7.0);
    }

    #[test]
    fn ratios_are_of_runs_that_were_beside_each_other() {
        let fast_then_slow = samples(&[200.0, 100.0]);
        let floor = samples(&[400.0, 200.0]);
        assert_eq!(fast_then_slow.over(&floor), samples(&[0.5, 0.5]));
    }
}
