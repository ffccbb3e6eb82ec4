// JSON as the program prints it: members in the order in which they were added, two spaces a level,
// the shortest digits that give the same double back, and null for what is not finite.
#pragma once
#include <boost/json.hpp>
#include <string>

namespace gantry::host {

// Ends with a line end.
std::string json_text(const boost::json::value& value);

}  // namespace gantry::host
