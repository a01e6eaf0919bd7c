//! Pages of memory for keys: locked, left out of core files, not inherited, between two pages that nobody can touch, wiped at the end.
//!
//! **Why there is `unsafe` here, and nowhere else.** Mapping, locking and advising on memory are calls whose argument is an address,
//! so no safe interface to them exists: crates that offer one have the same lines inside, with an allocator or a C library around them.
//! What makes them sound is in this file alone:
//! - `map` is three whole pages that [`Locked::new`] got from the kernel; no other code has their address.
//! - `value` is the start of the middle page, which is aligned for and at least as large as `T` (`FITS`). It is written once before it is
//!   read, and dropped once, in `drop`. All access goes through `&self` and `&mut self`, so the rules of references are the borrow checker's.
//! - `T` is owned like that of a `Box`; so `Locked<T>` may go to, or be shared with, another thread if `T` may.
//!
//! A fork has no copy of the page: a child of ours that reads it is killed. Root can read it, as it can everything.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect, munmap};
use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null_mut};

/// The system gives no page that stays out of swap and core files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlockable;

/// A value in a page of its own.
pub struct Locked<T> {
    value: NonNull<T>,
    /// Guard, page, guard.
    map: NonNull<u8>,
}

// SAFETY: it owns its `T`, and the page is ordinary memory of the process.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: `&Locked<T>` gives `&T` and nothing else.
unsafe impl<T: Sync> Sync for Locked<T> {}

impl<T> Locked<T> {
    /// No page is smaller than 4 KiB, and every page begins at a multiple of that.
    const FITS: () = assert!(size_of::<T>() <= 4096 && align_of::<T>() <= 4096);

    /// Moves a value into a page. The caller's copy of its bytes is overwritten with what [`scrub`] leaves.
    pub fn new(value: T) -> Result<Self, Unlockable> {
        let () = Self::FITS;
        let page = rustix::param::page_size();
        // SAFETY: the kernel chooses the place; nothing that exists is touched.
        let map = unsafe { mmap_anonymous(null_mut(), 3 * page, ProtFlags::empty(), MapFlags::PRIVATE) };
        let map = map.ok().and_then(|map| NonNull::new(map.cast::<u8>())).ok_or(Unlockable)?;
        // SAFETY: the middle page lies within the three.
        let middle = unsafe { map.add(page) };
        if protect(middle, page).is_err() {
            // SAFETY: the mapping is ours and nothing refers into it.
            let _ = unsafe { munmap(map.as_ptr().cast(), 3 * page) };
            return Err(Unlockable);
        }
        let value_at = middle.cast::<T>();
        // SAFETY: mapped, writable, aligned and large enough; see the top.
        unsafe { value_at.write(value) };
        Ok(Self { value: value_at, map })
    }
}

/// Makes a page usable, and keeps it from swap, core files and children.
fn protect(page: NonNull<u8>, length: usize) -> rustix::io::Result<()> {
    let at = page.as_ptr().cast();
    // SAFETY: the page is ours, and nothing refers into it yet.
    unsafe {
        mprotect(at, length, MprotectFlags::READ | MprotectFlags::WRITE)?;
        mlock(at, length)?;
        #[cfg(target_os = "linux")]
        {
            madvise(at, length, Advice::LinuxDontDump)?;
            madvise(at, length, Advice::LinuxDontFork)?;
        }
    }
    Ok(())
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: written in `new`, dropped in `drop` alone.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; `&mut self` is the only access.
        unsafe { self.value.as_mut() }
    }
}

impl<T> std::fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Locked(..)")
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        let page = rustix::param::page_size();
        // SAFETY: the value is there and is not used again; then its page is bytes, which are written where nothing refers to; then the
        // mapping, which is ours, goes.
        unsafe {
            self.value.drop_in_place();
            let words = self.value.cast::<u64>();
            (0..page / size_of::<u64>()).for_each(|at| words.add(at).write_volatile(0));
            let _ = munmap(self.map.as_ptr().cast(), 3 * page);
        }
    }
}

/// Overwrites what earlier calls left on the stack below the caller, where moved keys leave their bytes.
#[inline(never)]
pub fn scrub() {
    let mut room = [0u8; 16 * 1024];
    zeroize::Zeroize::zeroize(&mut room);
    std::hint::black_box(&room);
}

#[cfg(test)]
mod tests;
