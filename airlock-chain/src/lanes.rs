//! SHA-256 (FIPS 180-4) of several lines side by side, for readers of whole ledgers.
//!
//! The leaf of a line depends on that line alone, so a reader need not wait for one before it begins the next. Each operation is written for as
//! many words as some vector registers have, and the compiler makes one instruction of it for each register. Where the processor has
//! no instructions for SHA-256 this takes about half the time of one line after the other; where it has, it is not used. Nothing is signed with it
//! or kept secret by it, and the tests hold it to the `sha2` crate for every length of a line.

use super::chain::Hash;

/// Lines hashed side by side: four registers full, so that the compiler sees a loop over them and not a list of single words.
pub(super) const LANES: usize = 16;

/// One word of each.
type Words = [u32; LANES];

/// The first 32 bits of the fractions of the square roots of the first 8 primes.
const START: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The same of the cube roots of the first 64 primes.
#[rustfmt::skip]
const ROUND: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// One round. Of the eight words of the state six are read and two change, which take the places of `a` and `e` in the next round. A function
/// of its own, so that the compiler knows that none of its arguments lies in another.
#[inline(never)]
#[allow(clippy::many_single_char_names, clippy::too_many_arguments, reason = "they are those of the standard")]
fn round(a: &Words, b: &Words, c: &Words, d: &mut Words, e: &Words, f: &Words, g: &Words, h: &mut Words, w: &Words, k: u32) {
    for lane in 0..LANES {
        let (x, y) = (e[lane], a[lane]);
        let choice = g[lane] ^ (x & (f[lane] ^ g[lane]));
        let most = (y & b[lane]) ^ (c[lane] & (y ^ b[lane]));
        let from_e = x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25);
        let from_a = y.rotate_right(2) ^ y.rotate_right(13) ^ y.rotate_right(22);
        let one = h[lane].wrapping_add(from_e).wrapping_add(choice).wrapping_add(k).wrapping_add(w[lane]);
        d[lane] = d[lane].wrapping_add(one);
        h[lane] = one.wrapping_add(from_a).wrapping_add(most);
    }
}

/// The next word of the schedule in the place of the one 16 before.
#[inline(never)]
fn schedule(word: &mut Words, early: &Words, middle: &Words, late: &Words) {
    for lane in 0..LANES {
        let (x, y) = (early[lane], late[lane]);
        let early = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let late = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        word[lane] = word[lane].wrapping_add(early).wrapping_add(middle[lane]).wrapping_add(late);
    }
}

/// One block of each line.
#[allow(clippy::many_single_char_names, reason = "they are those of the standard")]
fn compress(state: &mut [Words; 8], w: &mut [Words; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (n, k) in ROUND.into_iter().enumerate() {
        let at = n % 16;
        if n >= 16 {
            let (early, middle, late) = (w[(at + 1) % 16], w[(at + 9) % 16], w[(at + 14) % 16]);
            schedule(&mut w[at], &early, &middle, &late);
        }
        let word = &w[at];
        // Instead of moving all words by one place, the places take turns.
        match n % 8 {
            0 => round(&a, &b, &c, &mut d, &e, &f, &g, &mut h, word, k),
            1 => round(&h, &a, &b, &mut c, &d, &e, &f, &mut g, word, k),
            2 => round(&g, &h, &a, &mut b, &c, &d, &e, &mut f, word, k),
            3 => round(&f, &g, &h, &mut a, &b, &c, &d, &mut e, word, k),
            4 => round(&e, &f, &g, &mut h, &a, &b, &c, &mut d, word, k),
            5 => round(&d, &e, &f, &mut g, &h, &a, &b, &mut c, word, k),
            6 => round(&c, &d, &e, &mut f, &g, &h, &a, &mut b, word, k),
            _ => round(&b, &c, &d, &mut e, &f, &g, &h, &mut a, word, k),
        }
    }
    for (sum, words) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        for (sum, word) in sum.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word);
        }
    }
}

/// Blocks of `0x00 ‖ line`, with the bit behind it and its length.
const fn blocks(line: &[u8]) -> usize {
    (1 + line.len() + 9).div_ceil(64)
}

/// Block `n` of `0x00 ‖ line`, padded; zeros behind the last one.
#[inline(always)]
fn block(line: &[u8], n: usize) -> [u8; 64] {
    // Most blocks lie within the line: the byte before it moves all by one.
    if n > 0
        && let Some(inside) = line.get(64 * n - 1..).and_then(<[u8]>::first_chunk::<64>)
    {
        return *inside;
    }
    let mut out = [0; 64];
    let (begin, end) = (64 * n, 1 + line.len());
    for (at, byte) in (begin..begin + 64).zip(&mut out) {
        *byte = match at {
            0 => 0,
            at if at < end => line[at - 1],
            at if at == end => 0x80,
            _ => 0,
        };
    }
    if n + 1 == blocks(line) {
        out[56..].copy_from_slice(&(8 * end as u64).to_be_bytes());
    }
    out
}

/// Is this quicker than one line after the other, which the `sha2` crate leaves to the processor where that can do it?
pub(super) fn are_quicker() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !std::arch::is_x86_feature_detected!("sha");
    #[cfg(target_arch = "aarch64")]
    return !std::arch::is_aarch64_feature_detected!("sha2");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// `SHA-256(0x00 ‖ line)` of each line, as [`super::chain::leaf`] gives it.
pub(super) fn leaves(lines: [&[u8]; LANES]) -> [Hash; LANES] {
    let counts = lines.map(blocks);
    let mut state = START.map(|word| [word; LANES]);
    for n in 0..counts.into_iter().max().unwrap_or(0) {
        let mut words = [[0; LANES]; 16];
        for (lane, line) in lines.into_iter().enumerate() {
            for (word, four) in words.iter_mut().zip(block(line, n).as_chunks::<4>().0) {
                word[lane] = u32::from_be_bytes(*four);
            }
        }
        let before = state;
        compress(&mut state, &mut words);
        // A shorter line has come to its end.
        for (lane, _) in counts.into_iter().enumerate().filter(|(_, count)| n >= *count) {
            (0..8).for_each(|word| state[word][lane] = before[word][lane]);
        }
    }
    std::array::from_fn(|lane| {
        let mut out = [0; 32];
        for (bytes, words) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *bytes = words[lane].to_be_bytes();
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::super::chain::leaf;
    use super::super::line::LINE_MAX;
    use super::*;
    use proptest::prelude::*;

    /// The oracle is the crate that the writer uses.
    fn agree(lines: [&[u8]; LANES]) {
        assert_eq!(leaves(lines), lines.map(leaf), "{:?}", lines.map(<[u8]>::len));
    }

    #[test]
    fn every_length_of_a_line_gives_the_leaf_that_one_line_alone_gives() {
        let text: Vec<u8> = (0..LINE_MAX).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect();
        // All lengths about the ends of blocks, side by side with others.
        for length in 0..700 {
            agree(std::array::from_fn(|lane| &text[lane..lane + (length * (lane + 1)) % 700]));
        }
        agree(std::array::from_fn(|lane| &text[..LINE_MAX - lane]));
        agree([&text[..0]; LANES]);
    }

    proptest! {
        #[test]
        fn any_lines_give_their_leaves(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), LANES)) {
            agree(std::array::from_fn(|lane| lines[lane].as_slice()));
        }
    }
}
