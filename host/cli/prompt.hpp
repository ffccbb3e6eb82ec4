// Secrets from people and pipes, never from the command line.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "host/base/result.hpp"
#include "host/sign/secret.hpp"

namespace gantry::host::cli {

// From the terminal itself, unseen, whatever the standard streams are; nullopt: there is none.
std::optional<sign::SecretBytes> ask_unseen(std::string_view question);
std::function<std::optional<sign::SecretBytes>()> ask_keystore_password();

// All of a small file, or of standard input for "-". Fails with `io`, or `limit` above 4,096 bytes.
Result<sign::SecretBytes> read_secret(const std::filesystem::path& path);

}  // namespace gantry::host::cli
