// Files that are there whole, and stay there, when the call returns.
#pragma once
#include <filesystem>
#include <string_view>

#include "host/base/result.hpp"

namespace gantry::host {

// Writes beside `path`, syncs, renames, syncs the folder: whoever reads sees the old text or the
// new one, whatever ends the process or the machine. The file is 0600. Fails with io.
Status write_durably(const std::filesystem::path& path, std::string_view text);

// Removes it, durably too; one that is not there is done. Fails with io.
Status remove_durably(const std::filesystem::path& path);

}  // namespace gantry::host
