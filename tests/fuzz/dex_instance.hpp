// An instance of a venue that is linked in, made as the host makes one.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "gantry/dex.h"
#include "gantry/plugin.h"
#include "tests/fuzz/input.hpp"

namespace gantry::fuzz {

struct Parameter {
  const char* name;
  const char* string = "";
  std::int64_t integer = 0;
  std::int32_t type = GANTRY_PARAMETER_STRING;
};

inline gantry_string text(std::string_view chars) { return {chars.data(), chars.size()}; }

// What the venue logs and counts goes nowhere. The caller destroys it.
inline gantry_dex_instance* make_dex(const gantry_dex_v1& dex, std::span<const Parameter> given) {
  static constexpr gantry_host quiet_host{
      nullptr,
      {"fuzz", 4},
      [](void*, std::int32_t, gantry_string) {},
      [](void*, gantry_string, std::uint64_t) {},
      [](void*, gantry_string, double) {},
      [](void*, const char*) -> const void* { return nullptr; }};
  std::vector<gantry_parameter> parameters;
  for (const Parameter& one : given) {
    gantry_parameter& parameter = parameters.emplace_back();
    parameter.name = text(one.name);
    parameter.type = one.type;
    parameter.integer = one.integer;
    parameter.string = text(one.string);
  }
  const gantry_instance_config config{text("fuzz"), text("eip155:1"), parameters.data(),
                                      static_cast<std::uint32_t>(parameters.size()), 0};
  gantry_dex_instance* made = nullptr;
  gantry_error error{};
  must(dex.create(&quiet_host, &config, &made, &error) == GANTRY_OK);
  return made;
}

}  // namespace gantry::fuzz
