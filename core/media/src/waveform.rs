//! How loud a sound is from its beginning to its end, as it is drawn.

/// As many bars are drawn at most.
pub const BARS: usize = 64;

/// How loud a hundredth of a second is, each; and their sum so far.
#[derive(Debug, Clone)]
pub(crate) struct Waveform {
    rate: u32,
    loudness: Vec<f32>,
    /// Squares of the samples of the hundredth that is not over.
    squares: f64,
    counted: u32,
    samples: u64,
}

impl Waveform {
    pub(crate) const fn new(rate: u32) -> Self {
        Self { rate, loudness: Vec::new(), squares: 0.0, counted: 0, samples: 0 }
    }

    pub(crate) fn hears(&mut self, samples: &[i16]) {
        self.samples += samples.len() as u64;
        for sample in samples {
            self.squares += (f64::from(*sample) / f64::from(i16::MAX)).powi(2);
            self.counted += 1;
            if self.counted == self.rate / 100 {
                self.is_over();
            }
        }
    }

    fn is_over(&mut self) {
        #[expect(clippy::cast_possible_truncation, reason = "of 0 to 1")]
        self.loudness.push((self.squares / f64::from(self.counted)).sqrt() as f32);
        (self.squares, self.counted) = (0.0, 0);
    }

    /// Of the last tenth of a second, 0 to 1.
    pub(crate) fn level(&self) -> f32 {
        let last = &self.loudness[self.loudness.len().saturating_sub(10)..];
        last.iter().copied().fold(0.0, f32::max).min(1.0)
    }

    pub(crate) fn duration_ms(&self) -> u32 {
        u32::try_from(self.samples * 1_000 / u64::from(self.rate)).unwrap_or(u32::MAX)
    }

    /// How long it was, ms, and its bars: the loudest is 255.
    pub(crate) fn finish(mut self) -> (u32, Vec<u8>) {
        if self.counted > 0 {
            self.is_over();
        }
        let all = self.loudness.len();
        let bars = all.min(BARS);
        let loudest = self.loudness.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let bar = |at: usize| {
            let part = &self.loudness[at * all / bars..(at + 1) * all / bars];
            let loud = part.iter().copied().fold(0.0, f32::max) / loudest;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of 0 to 255")]
            let loud = (loud * f32::from(u8::MAX)).round() as u8;
            loud
        };
        (self.duration_ms(), (0..bars).map(bar).collect())
    }
}
