# Of a text profile, each function that was executed: its highest count and its name.
/^# Func Hash:$/ {
    name = before
    sub(/.*;/, "", name)
}
/^# Counter Values:$/ {
    counting = 1
    most = 0
    next
}
counting && /^[0-9]+$/ {
    if ($1 + 0 > most) most = $1 + 0
    next
}
counting {
    if (most > 0) print most, name
    counting = 0
}
{ before = $0 }
