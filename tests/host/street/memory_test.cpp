// The memory of a whole run as users start it, by its own account.
#include <sys/wait.h>

#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "support/temporary_folder.hpp"

namespace {

// Standard output of a command that has to succeed.
std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 65536> buffer;
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  const int status = ::pclose(pipe);
  INFO(command);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return out;
}

}  // namespace

TEST_CASE("the shipped market runs from its first block to its last in less than 2 GB") {
  const gantry::test::TemporaryFolder
      folder;  // what is in this user's quarantine is not its concern
  const auto report = boost::json::parse(output_of("HOME='" + folder.path().string() +
                                                   "' XDG_STATE_HOME= " GANTRY_PROGRAM
                                                   " run --json --config " GANTRY_CONFIG_FOLDER));
  const auto resident = report.at("timings").at("resident_bytes_max").to_number<std::uint64_t>();
  CHECK(report.at("market").at("snapshots").to_number<std::uint64_t>() > 1000);
  CHECK(resident > 10'000'000);  // it was measured at all
  CHECK(resident < 2'000'000'000);
}
