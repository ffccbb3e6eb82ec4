// What may be written over: nothing but what was made here.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "host/base/result.hpp"

namespace gantry::host {

struct OutputFile {
  std::string_view kind;               // "recording", for the message
  std::span<const std::uint8_t> head;  // a file that begins so, or is empty, may be replaced
  std::filesystem::path input;         // what is being read; empty: no file
};

// "a folder", "a device" and so on.
std::string_view name_of_file_type(mode_t mode);

// Changes nothing. Fails with io: there is something else than a file with nothing in it or `head`
// (links are not followed: a rename would replace them), it is the input, or its folder takes no
// file.
Status check_output(const std::filesystem::path& path, const OutputFile& output);

}  // namespace gantry::host
