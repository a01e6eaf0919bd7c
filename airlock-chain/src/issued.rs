//! The entry of a lease, made from its terms.

use super::entry::Issue;
use airlock_core::lease::RootClaims;

impl<'a> Issue<'a> {
    /// The entry of a lease with these terms: `ih` is their intent hash in hexadecimal, `rid` the public id of the lease, `kid` the key
    /// that signed it, `by` the way it came about.
    #[must_use]
    pub fn of(claims: &'a RootClaims, ih: &'a str, rid: &'a str, kid: &'a str, by: &'a str) -> Self {
        Self {
            sid: &claims.sid,
            sub: &claims.sub,
            tools: claims.tools.clone(),
            dom: claims.dom.clone(),
            ih,
            rid,
            kid,
            exp: claims.exp,
            risk: claims.risk,
            uses: claims.uses,
            by,
        }
    }
}
