//! The driver contract as Rust: generated from `wit/`, nothing else. Imports are traits for `capability/`, exports are calls for `driver/`.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "driver",
    imports: { default: async | trappable },
    exports: { default: async },
});
