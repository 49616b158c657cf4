import Secrets

/// Names for servers that register by themselves: two words, so that people can tell them apart until they name them.
enum ServerNames {
    private static let qualities = [
        "amber", "brave", "brisk", "calm", "clear", "copper", "crisp", "deep", "eager", "early", "fair", "fleet",
        "fresh", "gentle", "glad", "golden", "green", "happy", "hidden", "high", "ivory", "jolly", "keen", "kind",
        "late", "light", "lively", "lucky", "mellow", "merry", "misty", "neat", "noble", "north", "patient", "plain",
        "polar", "proud", "quick", "quiet", "rapid", "red", "round", "rustic", "sharp", "silent", "silver", "simple",
        "small", "smooth", "snowy", "soft", "solid", "steady", "still", "sunny", "swift", "tall", "tidy", "true",
        "vivid", "warm", "wide", "wise",
    ]

    private static let things = [
        "acorn", "anchor", "badger", "beacon", "birch", "bison", "breeze", "bridge", "brook", "cedar", "cliff",
        "cloud", "comet", "coral", "crane", "creek", "delta", "dune", "eagle", "ember", "falcon", "fern", "finch",
        "fjord", "forest", "fox", "garden", "glacier", "grove", "harbor", "hawk", "heron", "hill", "island", "juniper",
        "lake", "lantern", "lark", "maple", "marsh", "meadow", "moon", "mountain", "oak", "ocean", "otter", "owl",
        "pebble", "pine", "prairie", "raven", "reef", "ridge", "river", "robin", "sparrow", "spring", "star", "stone",
        "summit", "thistle", "tide", "valley", "willow",
    ]

    static func random() -> String {
        pick(qualities) + " " + pick(things)
    }

    private static func pick(_ words: [String]) -> String {
        words[Int(SecureRandom.below(UInt32(words.count)))]
    }
}
