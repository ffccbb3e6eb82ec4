// What gantry_host.get_service answers, in the host's process and in a plugin's own.
#pragma once

namespace gantry::host {

// The table of an optional service, which lasts as long as the program; null: there is none.
const void* optional_service(const char* id) noexcept;

}  // namespace gantry::host
