"""Patterns of every kind, for the properties of rules."""

from hypothesis import strategies as st

patterns = st.lists(
    st.tuples(
        st.sampled_from(["namespace", "label", "tag", "cluster", "account", "workload"]),
        st.lists(
            st.sampled_from(
                [
                    *(
                        "a",
                        "B",
                        "a*",
                        "k=a",
                        "k=B",
                        "K=re:.*",
                        "*",
                        "k=[a]",
                        "k",
                        "k=a*",
                        "K=re:a.*",
                    ),
                    *(
                        "a?",
                        "[ab]b",
                        "re:ab?",
                        "re:a|b",
                        "re:(?i)A",
                        "re:a.*",
                        "re:a{1}",
                        "re:",
                        "ab",
                    ),
                    *("k=re:A+", "k=re:b?", "k=re:[ab]"),
                ]
            ),
            min_size=1,
            max_size=2,
        ),
    ),
    max_size=2,
)
