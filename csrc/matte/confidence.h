// What happens to a low-resolution confidence before it is refined: small parts removed, steadied over time.
#pragma once
#include <cstdint>

namespace iph {

// Cleans an h x w confidence in [0, 1] in place.
// A part is a set of cells above `floor` that touch (also at corners); its size is the number of its cells above 0.5. Parts
// smaller than keep_fraction of the largest become 0; so does everything when no cell is above 0.5.
// A hole is a set of cells below 1 - floor that touch at sides, reaches no border and has at most max_hole cells; it becomes 1.
void clean_confidence(float* confidence, int h, int w, float floor, float keep_fraction, int max_hole);

// Steadies an h x w confidence in place against what it was, where the picture stands still.
// Motion of a cell: the largest over the channels of |mean over 3 x 3 cells of guide - guide_state|, in 0..255. The share of
// the new value is `rest` at motion <= motion_low, 1 at motion >= motion_high, linear in between. confidence_state (h x w) and
// guide_state (h x w x 3) take the result: slow motion adds up until it counts. 0 <= rest <= 1, motion_low < motion_high.
void steady_confidence(float* confidence, const uint8_t* guide, int h, int w, float rest, float motion_low, float motion_high,
                       float* confidence_state, float* guide_state);

}  // namespace iph
