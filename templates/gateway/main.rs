//! An MCP Airlock gateway: the policy in `policy/`, which `airlock build` checked and compiled. `main` is in the macro.

airlock_macros::compiled!("policy/policy.json");
