//! Choices that a seed decides.

/// `SplitMix64` (Steele, Lea and Flood, 2014): the same seed, the same choices.
pub struct Choices(u64);

impl Choices {
    /// What one of many chooses, independently of the others.
    pub fn of(seed: u64, who: u64) -> Self {
        let mut all = Self(seed);
        let base = all.next();
        Self(base ^ Self(who).next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than `end`")
    }

    /// One of these, as often as its weight says.
    pub fn one_of<T: Copy>(&mut self, weighted: &[(u64, T)]) -> T {
        let sum: u64 = weighted.iter().map(|(weight, _)| weight).sum();
        let mut left = self.next() % sum;
        for (weight, choice) in weighted {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *choice,
            }
        }
        unreachable!("the weights sum up")
    }
}
