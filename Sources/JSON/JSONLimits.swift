/// What a document may cost before it is refused.
package struct JSONLimits: Sendable, Hashable {
    /// The deepest nesting of arrays and objects.
    package var depth: Int
    /// The most characters of one number.
    package var numberLength: Int
    /// The most bytes of a member's name. Names become keys of dictionaries, and hashing a long `String` can take time
    /// that grows with the square of its length.
    package var nameLength: Int
    /// The most values in the whole document. A value can take ten times the memory of the two bytes that name it.
    package var values: Int

    package static let `default` = JSONLimits()

    /// Of a request's body, whose tree is held as long as its call waits: ten thousand ids and more, at some 100 bytes each.
    package static let request = JSONLimits(values: 1 << 16)

    package init(depth: Int = 64, numberLength: Int = 1_000, nameLength: Int = 1_024, values: Int = 1 << 21) {
        // The parser and everything that walks its tree recurse; this keeps them within a thread's stack.
        self.depth = min(depth, 512)
        self.numberLength = numberLength
        self.nameLength = nameLength
        self.values = values
    }
}
