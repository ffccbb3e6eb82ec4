// Who made the states of a compiled recording: the venues, with their libraries and parameters, and
// what of the chain's settings they were told. With others the states might be others.
//
// LAYOUT  A line each: "chain block_time_s = N", and for each venue that ran and had pools
//         "venue NAME LIBRARY VERSION SHA256 key = value, key = value", values as TOML has them.
#pragma once
#include <span>
#include <string>

#include "host/base/result.hpp"
#include "host/config/settings.hpp"
#include "host/plugin/instances.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

std::string compiled_line(const VenueInstance& venue);
std::string compiled_line(const ChainSettings& chain);

// Whether a venue of that name was there when it was compiled.
bool compiled_with(const recording::Compiled& compiled, std::string_view venue);

// Fails with `configuration`: what runs now is not what it was compiled by. A venue that did not
// run then is no error before a pool of it comes.
Status check_compiled(const recording::Compiled& compiled, const ChainSettings& chain,
                      std::span<const std::shared_ptr<VenueInstance>> venues);

}  // namespace gantry::host
