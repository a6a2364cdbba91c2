//! The same figures, measured again and again.

use crate::grouped;

/// Some figures a round.
pub struct Rounds<const FIGURES: usize>(Vec<[f64; FIGURES]>);

impl<const FIGURES: usize> Rounds<FIGURES> {
    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub fn push(&mut self, figures: [f64; FIGURES]) {
        self.0.push(figures);
    }

    pub fn middle(&self, figure: usize) -> f64 {
        let sorted = self.sorted(figure);
        sorted[(sorted.len() - 1) / 2]
    }

    /// The middle one, and the lowest and the highest where they are others.
    pub fn cell(&self, figure: usize) -> String {
        let sorted = self.sorted(figure);
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let written = |figure: f64| {
            if figure.is_finite() {
                grouped(figure)
            } else {
                "behind".to_owned()
            }
        };
        let middle = written(self.middle(figure));
        if written(low) == written(high) {
            return middle;
        }
        format!("{middle} ({} to {})", written(low), written(high))
    }

    fn sorted(&self, figure: usize) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.0.iter().map(|figures| figures[figure]).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}
