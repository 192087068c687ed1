//! The driver contract as Rust: generated from `wit/`, nothing else. Imports are traits for `capability/`, exports are calls for `driver/`.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "driver",
    imports: { default: async | trappable },
    exports: { default: async },
});

/// What a component may export beside.
pub mod discoverer {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "discoverer",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "vend:driver/types@0.1.0": crate::wit::vend::driver::types },
    });
}
