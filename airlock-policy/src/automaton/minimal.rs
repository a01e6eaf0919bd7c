//! Hopcroft's algorithm: which states of a complete automaton accept the same texts. Time grows with edges times the logarithm of
//! states, so that no pattern within the limits takes long.

/// A partition of `0..n` that is refined in place: the elements of a block stand together, its marked ones first.
struct Partition {
    elements: Vec<usize>,
    /// Where each element stands in `elements`.
    place: Vec<usize>,
    /// Block of each element.
    block: Vec<usize>,
    /// Bounds of each block in `elements`.
    bounds: Vec<(usize, usize)>,
    /// How many elements of each block are marked.
    marked: Vec<usize>,
    /// Blocks with marked elements.
    touched: Vec<usize>,
}

impl Partition {
    fn new(size: usize) -> Self {
        Self {
            elements: (0..size).collect(),
            place: (0..size).collect(),
            block: vec![0; size],
            bounds: vec![(0, size)],
            marked: vec![0],
            touched: Vec::new(),
        }
    }

    fn mark(&mut self, element: usize) {
        let block = self.block[element];
        let (at, border) = (self.place[element], self.bounds[block].0 + self.marked[block]);
        if at < border {
            return;
        }
        if self.marked[block] == 0 {
            self.touched.push(block);
        }
        let other = self.elements[border];
        self.elements.swap(at, border);
        self.place[other] = at;
        self.place[element] = border;
        self.marked[block] += 1;
    }

    /// Splits every touched block into its marked and its other elements; tells each new block.
    fn split(&mut self, mut made: impl FnMut(usize)) {
        for block in std::mem::take(&mut self.touched) {
            let (first, end) = self.bounds[block];
            let border = first + std::mem::take(&mut self.marked[block]);
            if border == end {
                continue;
            }
            // The smaller part becomes the new block.
            let new = self.bounds.len();
            let part = match border - first <= end - border {
                true => {
                    self.bounds[block] = (border, end);
                    (first, border)
                }
                false => {
                    self.bounds[block] = (first, border);
                    (border, end)
                }
            };
            self.bounds.push(part);
            self.marked.push(0);
            for at in part.0..part.1 {
                self.block[self.elements[at]] = new;
            }
            made(new);
        }
    }
}

/// The block of each state: states of one block accept the same texts. `next` has `width` entries for each state.
pub(super) fn blocks(next: &[usize], width: usize, accept: &[bool]) -> Vec<usize> {
    let states = accept.len();
    let mut parts = Partition::new(states);
    accept.iter().enumerate().filter(|(_, accepts)| **accepts).for_each(|(state, _)| parts.mark(state));
    parts.split(|_| {});
    // Edges by class and target: `into[start[class * states + target]..]` are the states that lead there.
    let mut start = vec![0usize; width * states + 1];
    for (edge, target) in next.iter().enumerate() {
        start[(edge % width) * states + target + 1] += 1;
    }
    for at in 1..start.len() {
        start[at] += start[at - 1];
    }
    let mut filled = start.clone();
    let mut into = vec![0usize; next.len()];
    for (edge, target) in next.iter().enumerate() {
        let slot = &mut filled[(edge % width) * states + target];
        into[*slot] = edge / width;
        *slot += 1;
    }
    // A splitter is a block with a class. Of the two first blocks, both are tried: it costs one round more and needs no argument.
    let mut open: Vec<(usize, usize)> =
        (0..parts.bounds.len()).flat_map(|block| (0..width).map(move |class| (block, class))).collect();
    while let Some((block, class)) = open.pop() {
        let (first, end) = parts.bounds[block];
        let targets = parts.elements[first..end].to_vec();
        for target in targets {
            let at = class * states + target;
            into[start[at]..start[at + 1]].iter().for_each(|state| parts.mark(*state));
        }
        // The new block is the smaller part. Where the old one still waits for a class, both have to be tried; where it does not, the
        // smaller one is enough.
        parts.split(|new| open.extend((0..width).map(|class| (new, class))));
    }
    parts.block
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Moore's algorithm: slow, and too simple to be wrong.
    fn by_rounds(next: &[usize], width: usize, accept: &[bool]) -> Vec<usize> {
        let mut block: Vec<usize> = accept.iter().map(|accepts| usize::from(*accepts)).collect();
        loop {
            let mut numbers = std::collections::BTreeMap::new();
            let refined: Vec<usize> = (0..accept.len())
                .map(|state| {
                    let row: Vec<usize> = next[state * width..(state + 1) * width].iter().map(|target| block[*target]).collect();
                    let count = numbers.len();
                    *numbers.entry((block[state], row)).or_insert(count)
                })
                .collect();
            let before = block.iter().collect::<std::collections::BTreeSet<_>>().len();
            block = refined;
            if numbers.len() == before {
                return block;
            }
        }
    }

    /// The same blocks, whatever their numbers.
    fn canonical(blocks: &[usize]) -> Vec<usize> {
        let mut numbers = std::collections::BTreeMap::new();
        blocks
            .iter()
            .map(|block| {
                let count = numbers.len();
                *numbers.entry(*block).or_insert(count)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_blocks_are_those_of_the_slow_way(
            (width, accept, next) in (1usize..4, 1usize..24).prop_flat_map(|(width, states)| {
                (Just(width), prop::collection::vec(any::<bool>(), states), prop::collection::vec(0..states, states * width))
            })
        ) {
            prop_assert_eq!(canonical(&blocks(&next, width, &accept)), canonical(&by_rounds(&next, width, &accept)));
        }
    }
}
