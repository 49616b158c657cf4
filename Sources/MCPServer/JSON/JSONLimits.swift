/// What a document may cost before it is refused.
public struct JSONLimits: Sendable, Hashable {
    /// The deepest nesting of arrays and objects.
    public var depth: Int
    /// The most characters of one number.
    public var numberLength: Int
    /// The most values in the whole document. A value can take ten times the memory of the two bytes that name it.
    public var values: Int

    public static let `default` = JSONLimits()

    public init(depth: Int = 64, numberLength: Int = 1_000, values: Int = 1 << 21) {
        // The parser and everything that walks its tree recurse; this keeps them within a thread's stack.
        self.depth = min(depth, 512)
        self.numberLength = numberLength
        self.values = values
    }
}
