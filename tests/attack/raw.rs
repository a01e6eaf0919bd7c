//! Calls of the kernel as an attacker makes them: by their number, with any arguments.
//!
//! **Why there is `unsafe` here, in a test.** What is tested is that the kernel refuses calls of code that does not keep to any interface, so
//! there is no interface that could make them. This file is in no product. Its functions are safe to call in the program `airlock-attack` alone,
//! because of how that uses them:
//! - Every attack runs in a process of its own, which has one thread, makes the one call and ends. Whatever the call does to the memory of the
//!   process, nobody uses it afterwards.
//! - Addresses that are passed are of values that outlive the call ([`at`]), or of nothing.
//! - A child that comes of it ends in the instructions that made it ([`spawned`]), before it touches a stack that it may share.
#![allow(unsafe_code)]

use std::arch::asm;

/// Makes a call.
///
/// # Errors
/// The error of the kernel, as a number.
pub(crate) fn call(number: libc::c_long, arguments: &[usize]) -> Result<usize, i32> {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = all;
    let answer: i64;
    // SAFETY: see the top.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            in("r9") f, lateout("rcx") _, lateout("r11") _);
    }
    usize::try_from(answer).map_err(|_| i32::try_from(-answer).unwrap_or(i32::MAX))
}

/// Makes a call that gives a second process, which ends at once.
///
/// # Errors
/// As [`call`].
pub(crate) fn spawned(number: i64, arguments: [usize; 2]) -> Result<usize, i32> {
    let [a, b] = arguments;
    let answer: i64;
    // SAFETY: see the top. The child goes no further than these instructions.
    unsafe {
        asm!("syscall", "test rax, rax", "jnz 2f", "mov edi, 0", "mov eax, 231", "syscall", "2:",
            inlateout("rax") number => answer, inlateout("rdi") a => _, in("rsi") b, in("rdx") 0, in("r10") 0, in("r8") 0,
            lateout("rcx") _, lateout("r11") _);
    }
    usize::try_from(answer).map_err(|_| i32::try_from(-answer).unwrap_or(i32::MAX))
}

/// `getpid` by the interface of 32-bit programs.
///
/// # Errors
/// As [`call`].
pub(crate) fn old_interface() -> Result<usize, i32> {
    let answer: i32;
    // SAFETY: the call has no arguments and changes nothing.
    unsafe {
        asm!("int 0x80", inlateout("eax") 20 => answer, lateout("rcx") _, lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _);
    }
    usize::try_from(answer).map_err(|_| -answer)
}

/// The address of a value that outlives the calls that get it.
pub(crate) fn at<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>() as usize
}

/// The address of so many zero words that the kernel may write to. They stay to the end of the process.
pub(crate) fn room(words: usize) -> usize {
    at(Box::leak(vec![0_u64; words].into_boxed_slice()))
}
