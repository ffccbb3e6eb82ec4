//! The one symbol of the library and its manifest; used through [`crate::export_plugin!`].
use crate::abi;
use crate::{dex, host, paymaster, strategy};
use crate::{DexPlugin, Error, Paymaster, TradingStrategy};
use std::any::Any;
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic;
use std::sync::atomic::{AtomicPtr, Ordering};

#[cfg(not(panic = "unwind"))]
compile_error!("a plugin is built with panic = \"unwind\": a panic must not end the host");

/// What lies in the ELF section `.gantry_manifest`.
#[repr(C, align(8))]
pub struct ManifestSection<const N: usize> {
    /// "GANTRYM1".
    pub magic: [u8; 8],
    /// Little-endian.
    pub size: [u8; 4],
    /// The text.
    pub json: [u8; N],
}

impl<const N: usize> ManifestSection<N> {
    /// As the host reads it.
    pub const fn new(json: &[u8; N]) -> Self {
        ManifestSection { magic: *b"GANTRYM1", size: (N as u32).to_le_bytes(), json: *json }
    }
}

/// A table by its kind: what the macro's first word chooses.
pub trait Table<Kind> {
    /// As "gantry.dex/1".
    const ID: &'static str;
    /// Constant, as long as the library is there.
    fn table() -> *const c_void;
}
/// A kind.
pub struct Dex;
/// A kind.
pub struct Strategy;
/// A kind.
pub struct Sponsor;

impl<P: DexPlugin> Table<Dex> for P {
    const ID: &'static str = abi::DEX_ID;
    fn table() -> *const c_void {
        let table: &'static abi::gantry_dex_v1 = &dex::Face::<P>::TABLE;
        (table as *const abi::gantry_dex_v1).cast()
    }
}
impl<P: TradingStrategy> Table<Strategy> for P {
    const ID: &'static str = abi::STRATEGY_ID;
    fn table() -> *const c_void {
        let table: &'static abi::gantry_strategy_v1 = &strategy::Face::<P>::TABLE;
        (table as *const abi::gantry_strategy_v1).cast()
    }
}
impl<P: Paymaster> Table<Sponsor> for P {
    const ID: &'static str = abi::PAYMASTER_ID;
    fn table() -> *const c_void {
        let table: &'static abi::gantry_paymaster_v1 = &paymaster::Face::<P>::TABLE;
        (table as *const abi::gantry_paymaster_v1).cast()
    }
}

// The library's own host, for what a panic says: std has a copy of its own in each library, so this
// hook sees this library's panics alone. Without it std would print, and keep thread-local memory
// whose destructor would pin the library.
static HOST: AtomicPtr<abi::gantry_host> = AtomicPtr::new(std::ptr::null_mut());

fn log_panic(said: &(dyn Any + Send), location: Option<&panic::Location<'_>>) {
    let said = said
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| said.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("something unknown");
    let at = location.map_or(String::new(), |at| format!(" at {}:{}", at.file(), at.line()));
    // SAFETY: init() was given it, and it lasts until deinit().
    unsafe { host::Host::new(HOST.load(Ordering::Acquire)) }
        .error(&format!("panicked{}: {}", at, said));
}

/// # Safety
/// As `gantry_plugin_entry.init` says.
pub unsafe fn init(
    host: *const abi::gantry_host,
    error: *mut abi::gantry_error,
    manifest: &u8,
) -> i32 {
    // SAFETY: the host's.
    unsafe {
        host::guarded_with(error, abi::FAULT_PLUGIN, || -> Result<(), Error> {
            // Reads the section, so that no linker leaves it out as unused.
            std::ptr::read_volatile(manifest);
            HOST.store(host as *mut _, Ordering::Release);
            panic::set_hook(Box::new(|info| log_panic(info.payload(), info.location())));
            Ok(())
        })
    }
}

/// As `gantry_plugin_entry.deinit` says.
pub fn deinit() {
    host::guarded(|| {
        drop(panic::take_hook());
        HOST.store(std::ptr::null_mut(), Ordering::Release);
        Ok(())
    });
}

/// # Safety
/// `id` is a text that a zero ends.
pub unsafe fn get_interface<P: Table<Kind>, Kind>(id: *const c_char) -> *const c_void {
    // SAFETY: the caller's promise.
    if unsafe { CStr::from_ptr(id) }.to_bytes() == P::ID.as_bytes() {
        P::table()
    } else {
        std::ptr::null()
    }
}

/// `export_plugin!(dex MyDex);`, or `strategy`, or `paymaster`: exports the one symbol of the library
/// and puts the manifest, as [`crate::build::plugin`] prepared it, where a host reads it without
/// running code. Once in a crate.
#[macro_export]
macro_rules! export_plugin {
    (dex $plugin:ty) => {
        $crate::export_plugin!(@ Dex, $plugin);
    };
    (strategy $plugin:ty) => {
        $crate::export_plugin!(@ Strategy, $plugin);
    };
    (paymaster $plugin:ty) => {
        $crate::export_plugin!(@ Sponsor, $plugin);
    };
    (@ $kind:ident, $plugin:ty) => {
        #[doc(hidden)]
        #[allow(unsafe_code)]
        mod gantry_export {
            #[allow(unused_imports)]
            use super::*;

            const JSON: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/gantry_manifest.json")).len()] =
                include_bytes!(concat!(env!("OUT_DIR"), "/gantry_manifest.json"));

            #[used]
            #[link_section = ".gantry_manifest"]
            static MANIFEST: $crate::export::ManifestSection<{ JSON.len() }> =
                $crate::export::ManifestSection::new(JSON);

            unsafe extern "C" fn init(
                host: *const $crate::abi::gantry_host,
                error: *mut $crate::abi::gantry_error,
            ) -> i32 {
                // SAFETY: passed on as it came.
                unsafe { $crate::export::init(host, error, &MANIFEST.magic[0]) }
            }

            unsafe extern "C" fn deinit() {
                $crate::export::deinit();
            }

            unsafe extern "C" fn get_interface(
                id: *const ::std::os::raw::c_char,
            ) -> *const ::std::os::raw::c_void {
                // SAFETY: passed on as it came.
                unsafe { $crate::export::get_interface::<$plugin, $crate::export::$kind>(id) }
            }

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            pub static gantry_plugin: $crate::abi::gantry_plugin_entry = $crate::abi::gantry_plugin_entry {
                magic: $crate::abi::PLUGIN_MAGIC,
                revision: $crate::abi::PLUGIN_REVISION,
                reserved: 0,
                init,
                deinit,
                get_interface,
            };
        }
    };
}
