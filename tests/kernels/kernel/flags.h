// What a build can be given: -DBUG_<NAME> plants one bug, -DVARIANT_<NAME> does a right thing in another way.
// ../mutants.py lists them all. Without a flag this is a right copy-on-write kernel.
//
// BUG(NAME) and VARIANT(NAME) are 1 or 0, so `if (BUG(NAME))` compiles to nothing in a kernel without that bug.

#define BUG(name) IS_SET(BUG_##name)
#define VARIANT(name) IS_SET(VARIANT_##name)

// -DX defines X as 1; IS_SET_1 then puts a comma in front of the 1, which makes it the second argument.
#define IS_SET_1 0,
#define IS_SET(flag) IS_SET_VALUE(flag)
#define IS_SET_VALUE(value) IS_SET_PAIR(IS_SET_##value)
#define IS_SET_PAIR(comma_or_name) SECOND(comma_or_name 1, 0)
#define SECOND(first, second, ...) second
