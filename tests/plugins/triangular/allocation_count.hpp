// How often this program asked for memory with new.
#pragma once
#include <cstdint>

std::uint64_t allocation_count();
