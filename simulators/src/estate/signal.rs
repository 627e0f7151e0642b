//! A physical quantity over time, with exact integrals.
//!
//! A signal is a level, a slope and a few sine waves; a scenario cuts it into pieces with other parameters. Every
//! mean, sum and counter comes from the closed form of the integral, so that two sources that report one quantity
//! over one period report the same number.

use std::f64::consts::TAU;

use super::dice::Dice;

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// A day in seconds.
const DAY_S: f64 = 86_400.0;

/// What a scenario does to a signal while it lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Everything is multiplied.
    Times(f64),
    /// The signal runs at this level with a hundredth of its level as noise.
    Level(f64),
    /// The signal grows by so much per second from where the change begins, on top of its level.
    Grow(f64),
}

/// A change with the time it holds, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// First millisecond.
    pub from: Millis,
    /// First millisecond after it.
    pub to: Millis,
    /// What happens.
    pub change: Change,
}

/// How restless a signal is: the daily curve and the noise, each as a share of the level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restlessness {
    pub(crate) daily: f64,
    pub(crate) noise: f64,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    amplitude: f64,
    omega: f64,
    phase: f64,
}

/// A level, a slope from an anchor, and sine waves; time is in seconds from the signal's origin.
#[derive(Debug, Clone)]
struct Wave {
    level: f64,
    slope: f64,
    anchor_s: f64,
    terms: Vec<Term>,
}

impl Wave {
    fn at(&self, s: f64) -> f64 {
        let waves: f64 = self.terms.iter().map(|t| t.amplitude * (t.omega * s + t.phase).sin()).sum();
        self.level + self.slope * (s - self.anchor_s) + waves
    }

    /// ∫ over `[a, b]`; cos A − cos B is written as a product, which keeps short spans exact.
    fn integral(&self, a: f64, b: f64) -> f64 {
        let width = b - a;
        let middle = f64::midpoint(a, b);
        let waves: f64 = self
            .terms
            .iter()
            .map(|t| {
                let swing = (t.omega * middle + t.phase).sin() * (t.omega * width / 2.0).sin();
                2.0 * t.amplitude * swing / t.omega
            })
            .sum();
        (self.level + self.slope * (middle - self.anchor_s)) * width + waves
    }

    fn changed(&self, change: Change, anchor_s: f64) -> Self {
        let scaled = |level: f64, slope: f64, factor: f64| Self {
            level,
            slope,
            anchor_s: self.anchor_s,
            terms: self.terms.iter().map(|t| Term { amplitude: t.amplitude * factor, ..*t }).collect(),
        };
        match change {
            Change::Times(factor) => scaled(self.level * factor, self.slope * factor, factor),
            Change::Level(level) => {
                let swing: f64 = self.terms.iter().map(|t| t.amplitude.abs()).sum();
                scaled(level, 0.0, if swing > 0.0 { 0.01 * level / swing } else { 0.0 })
            }
            Change::Grow(slope) => Self {
                level: self.level + self.slope * (anchor_s - self.anchor_s),
                slope: self.slope + slope,
                anchor_s,
                terms: self.terms.clone(),
            },
        }
    }
}

/// One physical quantity as a function of time.
///
/// Values are in the unit that the field holding the signal names. Spans are half-open, `[from, to)`.
#[derive(Debug, Clone)]
pub struct Signal {
    origin: Millis,
    counted_from: Millis,
    /// Each piece holds from its time to the next one's; the first from ever.
    pieces: Vec<(Millis, Wave)>,
}

impl Signal {
    /// Makes a signal around a level, with noise of its own by its name.
    pub(crate) fn new(
        dice: Dice,
        name: &str,
        origin: Millis,
        counted_from: Millis,
        level: f64,
        restless: Restlessness,
    ) -> Self {
        let peak_hour = dice.between(12.0, 17.0, &format!("{name} peak"));
        let day_of_origin_s = origin.rem_euclid(86_400_000) as f64 / 1_000.0;
        let daily = Term {
            amplitude: level * restless.daily,
            omega: TAU / DAY_S,
            phase: TAU * (day_of_origin_s / DAY_S - peak_hour / 24.0 + 0.25),
        };
        // Periods from half a minute to hours; the longer a wave, the higher.
        let periods = [(37.0, 0.10), (131.0, 0.15), (443.0, 0.20), (1_621.0, 0.25), (6_007.0, 0.30)];
        let noise = periods.iter().enumerate().map(|(index, (period, share))| Term {
            amplitude: level * restless.noise * share,
            omega: TAU / (period * dice.between(0.8, 1.25, &format!("{name} period {index}"))),
            phase: TAU * dice.unit(&format!("{name} phase {index}")),
        });
        let terms = std::iter::once(daily).chain(noise).filter(|term| term.amplitude != 0.0).collect();
        let wave = Wave { level, slope: 0.0, anchor_s: 0.0, terms };
        Self { origin, counted_from, pieces: vec![(Millis::MIN, wave)] }
    }

    /// The signal with a steady growth per second, anchored at the origin.
    pub(crate) fn growing(mut self, per_second: f64) -> Self {
        for (_, wave) in &mut self.pieces {
            wave.slope += per_second;
        }
        self
    }

    /// The signal under changes; those that overlap apply one after the other.
    pub(crate) fn with(mut self, spans: &[Span]) -> Self {
        for span in spans.iter().filter(|span| span.from < span.to) {
            self.cut(span.from);
            self.cut(span.to);
            let anchor_s = self.seconds(span.from);
            for (from, wave) in &mut self.pieces {
                if (span.from..span.to).contains(from) {
                    *wave = wave.changed(span.change, anchor_s);
                }
            }
        }
        self
    }

    fn cut(&mut self, at: Millis) {
        let after = self.pieces.partition_point(|(from, _)| *from <= at);
        if self.pieces[after - 1].0 < at {
            let wave = self.pieces[after - 1].1.clone();
            self.pieces.insert(after, (at, wave));
        }
    }

    /// The signal times a number: another share of the same quantity.
    pub(crate) fn times(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        for (_, wave) in &mut scaled.pieces {
            *wave = wave.changed(Change::Times(factor), 0.0);
        }
        scaled
    }

    fn seconds(&self, t: Millis) -> f64 {
        (t - self.origin) as f64 / 1_000.0
    }

    /// Returns the value at an instant.
    pub fn at(&self, t: Millis) -> f64 {
        let after = self.pieces.partition_point(|(from, _)| *from <= t);
        self.pieces[after - 1].1.at(self.seconds(t))
    }

    /// Returns ∫ over `[from, to)` in unit·seconds: a sum of a rate, a time-weighted sum of a level.
    pub fn integral(&self, from: Millis, to: Millis) -> f64 {
        let mut sum = 0.0;
        for (index, (start, wave)) in self.pieces.iter().enumerate() {
            let end = self.pieces.get(index + 1).map_or(Millis::MAX, |(next, _)| *next);
            let (a, b) = (from.max(*start), to.min(end));
            if a < b {
                sum += wave.integral(self.seconds(a), self.seconds(b));
            }
        }
        sum
    }

    /// Returns the mean over `[from, to)`; the value at `from` when the span is empty.
    pub fn mean(&self, from: Millis, to: Millis) -> f64 {
        if to <= from {
            return self.at(from);
        }
        self.integral(from, to) / ((to - from) as f64 / 1_000.0)
    }

    /// Returns what a counter of whole things shows at `t`: how many since the machine was started.
    pub fn total(&self, t: Millis) -> f64 {
        self.integral(self.counted_from, t.max(self.counted_from)).floor()
    }

    /// Returns how many whole things fell into `[from, to)`, as the difference of the counter: the counts of
    /// neighbouring spans add up exactly.
    pub fn count(&self, from: Millis, to: Millis) -> f64 {
        self.total(to) - self.total(from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: Millis = 1_795_000_000_000;

    fn signal(spans: &[Span]) -> Signal {
        let restless = Restlessness { daily: 0.3, noise: 0.2 };
        Signal::new(Dice::new(7), "test", ORIGIN, ORIGIN - 30 * 86_400_000, 1_000.0, restless).with(spans)
    }

    fn spans() -> [Span; 2] {
        [
            Span { from: ORIGIN - 60_000, to: ORIGIN + 90_500, change: Change::Times(4.0) },
            Span { from: ORIGIN + 30_000, to: ORIGIN + 600_000, change: Change::Grow(2.0) },
        ]
    }

    proptest! {
        #[test]
        fn integrals_of_neighbours_add_up(a in -86_400_000i64..86_400_000, b in 1i64..600_000, c in 1i64..600_000) {
            let signal = signal(&spans());
            let (from, middle, to) = (ORIGIN + a, ORIGIN + a + b, ORIGIN + a + b + c);
            let parts = signal.integral(from, middle) + signal.integral(middle, to);
            let whole = signal.integral(from, to);
            prop_assert!((parts - whole).abs() <= 1e-11 * whole.abs(), "{parts} {whole}");
            prop_assert_eq!(signal.count(from, middle) + signal.count(middle, to), signal.count(from, to));
        }

        #[test]
        fn the_integral_is_that_of_the_value(a in -3_600_000i64..3_600_000) {
            let signal = signal(&spans());
            let from = ORIGIN + a;
            let steps = 4_000;
            let sum: f64 = (0..steps).map(|step| signal.at(from + step * 5 + 2) * 0.005).sum();
            let exact = signal.integral(from, from + steps * 5);
            prop_assert!((sum - exact).abs() <= 1e-3 * exact, "{sum} {exact}");
        }

        #[test]
        fn a_quiet_signal_stays_positive_and_near_its_level(a in -86_400_000i64..86_400_000) {
            let value = signal(&[]).at(ORIGIN + a);
            prop_assert!((500.0..=1_500.0).contains(&value), "{value}");
        }
    }

    #[test]
    fn a_level_is_held_with_little_noise_and_ends() {
        let hot = Span { from: ORIGIN, to: ORIGIN + 60_000, change: Change::Level(5.0) };
        let signal = signal(&[hot]);
        assert!((signal.at(ORIGIN + 30_000) - 5.0).abs() <= 0.05);
        assert!(signal.at(ORIGIN - 1) > 400.0 && signal.at(ORIGIN + 60_000) > 400.0);
    }
}
