// SPDX-License-Identifier: GPL-2.0-or-later
/* See fallbacks.h. */
#include "cmd/fallbacks.h"

#include <stdio.h>

#include "cmd/show.h"
#include "sys/kernel.h"

void fallbacks_add(struct json_object *rows)
{
	for (int i = 0; i < KERNEL_FEATURE_COUNT; i++) {
		enum kernel_feature feature = (enum kernel_feature)i;
		const struct kernel_words *words = kernel_words(feature);
		enum kernel_answer answer = kernel_ask(feature);
		struct json_object *row;

		if (answer == KERNEL_HAS)
			continue;
		row = show_add_row(rows);
		show_add_text(row, "missing", words->name);
		show_add_text(row, "since", words->since);
		show_add_text(row, "instead",
			      answer == KERNEL_LACKS
				      ? words->instead
				      : "not known: the kernel was not to be "
					"asked");
	}
}

void fallbacks_print(struct json_object *rows)
{
	size_t count = json_object_array_length(rows);

	if (!count)
		puts("kernel: it has all that the gate can use");
	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		printf("kernel: no %s (Linux %s); instead, %s\n",
		       show_text_of(row, "missing"), show_text_of(row, "since"),
		       show_text_of(row, "instead"));
	}
}
