namespace Criu.Core.Options;

/// <summary>Finds the word that was meant.</summary>
public static class Spelling
{
    /// <summary>The candidate that takes the fewest changes of a letter, if they are few for its length.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="candidates">What could have been.</param>
    public static string? Closest(string text, IEnumerable<string> candidates)
    {
        string? closest = null;
        int least = 1 + Math.Max(1, text.Length / 3);
        foreach (string candidate in candidates)
        {
            int distance = Distance(text, candidate);
            if (distance < least)
                (closest, least) = (candidate, distance);
        }
        return closest;
    }

    /// <summary>Letters to insert, delete or replace (Levenshtein), one row of the table at a time.</summary>
    /// <param name="a">One word.</param>
    /// <param name="b">The other.</param>
    public static int Distance(string a, string b)
    {
        int[] row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
                (row[j], diagonal) = (Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)), row[j]);
        }
        return row[b.Length];
    }
}
